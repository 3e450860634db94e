import * as echarts from "echarts";
import type { Results } from "./results.js";
import type { SaverName } from "./savers.js";
import { serverDiskLines, serverTimeLines } from "./servers/lines.js";
import type { CacheState } from "./turns.js";
import { messageBytes } from "./workload.js";

export type Point = readonly [turns: number, value: number];

export interface Line {
  readonly label: string;
  readonly colour: string;
  readonly points: readonly Point[];
  readonly dashed?: boolean;
}

const colours = {
  ours: "#0b62a8",
  oursCold: "#4ba3d9",
  oursMemory: "#12897b",
  official: "#b3321d",
  officialMemory: "#d98a1f",
  floor: "#6b7280",
  none: "#7c5cbf",
};

const width = 1320;
const rowHeight = 540;
const ticks = [10, 50, 200, 1000, 2000];
/** The sizes between these are for the bytes per turn, and too near to be told apart. */
const sizesShown = [10, 50, 200, 500, 1000, 2000];

interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly Line[];
}

/** Milliseconds per turn and bytes on disk against T, as one SVG: a row of SQLite, one of servers. */
export function plotSvg(results: Results): string {
  const panels: Panel[] = [
    { title: "Time of one chat turn", unit: "milliseconds per turn", lines: timeLines(results) },
    { title: "Size of the database", unit: "megabytes on disk", lines: diskLines(results) },
    {
      title: "The same on a server",
      unit: "milliseconds per turn",
      lines: serverTimeLines(results.servers),
    },
    {
      title: "Size of the server's tables",
      unit: "megabytes on disk",
      lines: serverDiskLines(results.servers),
    },
  ];
  const height = rowHeight * 2;
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "Helvetica, Arial, 'DejaVu Sans', sans-serif", color: "#1f2937" },
    title: panels.map(panelTitle),
    grid: panels.map((_, panel) => ({
      left: panel % 2 === 0 ? 90 : 766,
      width: 370,
      top: top(panel) + 64,
      height: rowHeight - 134,
    })),
    xAxis: panels.map((_, panel) => turnsAxis(panel)),
    yAxis: panels.map(valueAxis),
    series: panels.flatMap(({ lines }, panel) => lines.map((line) => series(line, panel))),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

const top = (panel: number): number => rowHeight * (panel >> 1);

function timeLines(results: Results): Line[] {
  const line = (label: string, colour: string, saver: SaverName, caches: CacheState = "warm") => ({
    label,
    colour,
    points: results.turns
      .filter((it) => it.saver === saver && it.caches === caches && it.thread === "seeded")
      .map((it): Point => [it.turns, it.milliseconds]),
  });
  return [
    line("LangGraph SqliteSaver", colours.official, "langgraph-sqlite"),
    line("LangGraph MemorySaver", colours.officialMemory, "langgraph-memory"),
    line("threadkeep SqliteSaver, cold", colours.oursCold, "threadkeep-sqlite", "cold"),
    line("threadkeep SqliteSaver", colours.ours, "threadkeep-sqlite"),
    line("threadkeep MemorySaver", colours.oursMemory, "threadkeep-memory"),
    line("the floor: references only", colours.floor, "references"),
    line("no checkpointer", colours.none, "none"),
  ];
}

function diskLines(results: Results): Line[] {
  const points = (saver: SaverName, extrapolated: boolean): Point[] =>
    results.disk
      .filter((it) => it.saver === saver && it.extrapolated === extrapolated)
      .filter((it) => sizesShown.includes(it.turns))
      .map((it): Point => [it.turns, it.bytes / 1e6]);
  const official = points("langgraph-sqlite", false);
  return [
    { label: "", colour: colours.official, points: official },
    {
      label: "LangGraph SqliteSaver\n(dashed: extrapolated)",
      colour: colours.official,
      points: [...official.slice(-1), ...points("langgraph-sqlite", true)],
      dashed: true,
    },
    {
      label: "threadkeep SqliteSaver",
      colour: colours.ours,
      points: points("threadkeep-sqlite", false),
    },
    {
      label: "the messages' own JSON",
      colour: colours.floor,
      points: sizesShown.map((turns): Point => [turns, messageBytes(turns) / 1e6]),
    },
  ];
}

const panelTitle = ({ title }: Panel, panel: number) => ({
  text: title,
  left: panel % 2 === 0 ? 84 : 760,
  top: top(panel) + 16,
  textStyle: { fontSize: 17, fontWeight: 600 },
});

const axisStyle = {
  nameLocation: "middle",
  nameTextStyle: { fontSize: 14, color: "#1f2937" },
  axisLine: { show: true, lineStyle: { color: "#4b5563" } },
  splitLine: { lineStyle: { color: "#e5e7eb" } },
} as const;

const turnsAxis = (gridIndex: number) => ({
  ...axisStyle,
  type: "log" as const,
  gridIndex,
  name: "turns in the thread, T",
  nameGap: 34,
  min: 9,
  max: 2000,
  axisTick: { customValues: ticks },
  axisLabel: { customValues: ticks, fontSize: 13, formatter: label },
  splitLine: { show: false },
});

const valueAxis = ({ unit }: Panel, gridIndex: number) => ({
  ...axisStyle,
  type: "log" as const,
  gridIndex,
  name: unit,
  nameGap: 58,
  axisLabel: { fontSize: 13, formatter: label },
});

const label = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 3 });

const series = ({ label, colour, points, dashed }: Line, panel: number) => ({
  type: "line" as const,
  xAxisIndex: panel,
  yAxisIndex: panel,
  data: [...points].sort(([a], [b]) => a - b).map((point) => [...point]),
  color: colour,
  symbol: "circle",
  symbolSize: 7,
  lineStyle: { width: 2.5, type: dashed ? ("dashed" as const) : ("solid" as const) },
  endLabel: { show: label !== "", formatter: label, color: colour, fontSize: 13, distance: 8 },
  labelLayout: { moveOverlap: "shiftY" as const },
  clip: false,
});

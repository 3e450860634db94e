import type { Line, Point } from "../plot.js";
import type { CacheState } from "../turns.js";
import { messageBytes } from "../workload.js";
import type { ServerResults } from "./results.js";
import { type ServerSaver, serverLabels } from "./savers.js";
import type { ServerContender } from "./turns.js";

const colours = {
  "langgraph-postgres": "#b3321d",
  "threadkeep-postgres": "#0b62a8",
  "threadkeep-mysql": "#12897b",
  cold: { "threadkeep-postgres": "#4ba3d9", "threadkeep-mysql": "#5cc0b3" },
  floor: "#6b7280",
};

export function serverTimeLines(results: ServerResults): Line[] {
  const points = (saver: ServerContender["saver"], caches: CacheState = "warm") =>
    results.turns
      .filter((it) => it.saver === saver && it.caches === caches && it.thread === "seeded")
      .map((it): Point => [it.turns, it.milliseconds]);
  const own = (saver: "threadkeep-postgres" | "threadkeep-mysql"): Line[] => [
    {
      label: `${serverLabels[saver]}, cold`,
      colour: colours.cold[saver],
      points: points(saver, "cold"),
    },
    { label: serverLabels[saver], colour: colours[saver], points: points(saver) },
  ];
  const official = "langgraph-postgres";
  return [
    { label: serverLabels[official], colour: colours[official], points: points(official) },
    ...own("threadkeep-mysql"),
    ...own("threadkeep-postgres"),
    { label: "the floor: references only", colour: colours.floor, points: points("references") },
  ];
}

export function serverDiskLines(results: ServerResults): Line[] {
  const points = (saver: ServerSaver, extrapolated: boolean) =>
    results.disk
      .filter((it) => it.saver === saver && it.extrapolated === extrapolated)
      .map((it): Point => [it.turns, it.bytes / 1e6]);
  const official = points("langgraph-postgres", false);
  const turns = new Set(results.disk.map((it) => it.turns));
  return [
    { label: "", colour: colours["langgraph-postgres"], points: official },
    {
      label: "LangGraph PostgresSaver\n(dashed: extrapolated)",
      colour: colours["langgraph-postgres"],
      points: [...official.slice(-1), ...points("langgraph-postgres", true)],
      dashed: true,
    },
    ...(["threadkeep-mysql", "threadkeep-postgres"] as const).map((saver) => ({
      label: serverLabels[saver],
      colour: colours[saver],
      points: points(saver, false),
    })),
    {
      label: "the messages' own JSON",
      colour: colours.floor,
      points: [...turns].map((at): Point => [at, messageBytes(at) / 1e6]),
    },
  ];
}

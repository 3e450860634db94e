import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import ts from "typescript";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const packages = await readdir(join(root, "packages"));

type Exports = Record<string, string | Record<string, string | Record<string, string>>>;

interface Manifest {
  name: string;
  version: string;
  exports: Exports;
  bin?: Record<string, string>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const readManifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, "package.json"), "utf8"));

const subpaths = ({ exports }: Manifest) =>
  Object.keys(exports).filter((subpath) => subpath !== "./package.json");

/** A consumer's project: the unpacked tarballs, and beside them what they depend on. */
let project: string;

const tarball = (folder: string) => join(project, `${folder}.tgz`);
const names = new Map<string, string>();
for (const folder of packages) {
  names.set(folder, (await readManifest(join(root, "packages", folder))).name);
}
const installed = (folder: string) => join(project, "node_modules", names.get(folder)!);

async function install(folder: string) {
  const source = join(root, "packages", folder);
  await run("pnpm", ["pack", "--out", tarball(folder)], { cwd: source });
  await mkdir(installed(folder), { recursive: true });
  await run("tar", ["-xzf", tarball(folder), "--strip-components=1", "-C", installed(folder)]);

  const { dependencies, peerDependencies } = await readManifest(installed(folder));
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    const link = join(project, "node_modules", name);
    if (name.startsWith("@threadkeep/") || existsSync(link)) continue;
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(source, "node_modules", name), link, "junction");
  }
}

/** Runs a script in the consumer's project and returns the JSON that it prints. */
async function evaluate(file: string, script: string): Promise<unknown> {
  await writeFile(join(project, file), script);
  const { stdout } = await run(process.execPath, [file], { cwd: project });
  return JSON.parse(stdout);
}

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "threadkeep-packaging-"));
  await writeFile(join(project, "package.json"), '{ "private": true }');
  for (const folder of packages) await install(folder);
}, 240_000);

afterAll(() => rm(project, { recursive: true, force: true }));

test("the packages are found", () => {
  expect(packages).toEqual(expect.arrayContaining(["core", "sqlite"]));
});

describe.each(packages)("packages/%s, packed", (folder) => {
  test("has a manifest that publint accepts", async () => {
    const data = await readFile(tarball(folder));
    const { messages, pkg } = await publint({
      pack: {
        tarball: data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength),
      },
      level: "warning",
      strict: true,
    });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test("resolves to the right types for every kind of importer", async () => {
    const attw = join(root, "test/node_modules/.bin/attw");
    const options = ["--profile", "node16", "--format", "ascii", "--no-color"];
    const problems = await run(attw, [tarball(folder), ...options]).then(
      () => "",
      (error: { stdout: string; stderr: string }) => `${error.stdout}${error.stderr}`,
    );
    expect(problems).toBe("");
  });

  test("exports what the workspace exports, and each target is in the package", async () => {
    const source = await readManifest(join(root, "packages", folder));
    const packed = await readManifest(installed(folder));
    expect(Object.keys(packed.exports)).toEqual(Object.keys(source.exports));

    for (const subpath of subpaths(packed)) {
      const entry = subpath === "." ? "index" : subpath.slice("./".length);
      expect(source.exports[subpath]).toEqual({
        built: `./dist/${entry}.js`,
        default: `./src/${entry}.ts`,
      });
      expect(packed.exports[subpath]).toEqual({
        import: { types: `./dist/${entry}.d.ts`, default: `./dist/${entry}.js` },
        require: { types: `./dist/${entry}.d.cts`, default: `./dist/${entry}.cjs` },
      });
      for (const extension of ["js", "cjs", "d.ts", "d.cts"]) {
        expect(await readdir(join(installed(folder), "dist"))).toContain(`${entry}.${extension}`);
      }
    }
  });

  test("holds the build, the licence and the readme, and no workspace reference", async () => {
    const files = (await readdir(installed(folder))).sort();
    expect(files).toEqual(["LICENSE", "README.md", "dist", "package.json"]);
    const { dependencies, peerDependencies } = await readManifest(installed(folder));
    for (const range of Object.values({ ...dependencies, ...peerDependencies })) {
      expect(range).not.toMatch(/^(workspace|catalog):/);
    }
  });

  test("is imported and required under the same names as in the workspace", async () => {
    const { name, ...manifest } = await readManifest(installed(folder));
    for (const subpath of subpaths({ name, ...manifest })) {
      const id = subpath === "." ? name : name + subpath.slice(1);
      const expected = Object.keys(await import(id)).sort();
      const print = "console.log(JSON.stringify(Object.keys(loaded).sort()));";
      expect(await evaluate("load.mjs", `import * as loaded from "${id}"; ${print}`)).toEqual(
        expected,
      );
      expect(await evaluate("load.cjs", `const loaded = require("${id}"); ${print}`)).toEqual(
        expected,
      );
    }
  });

  test("has programs that run", async () => {
    const { bin = {}, version } = await readManifest(installed(folder));
    for (const program of Object.values(bin)) {
      const { stdout } = await run(join(installed(folder), program), ["--version"]);
      expect(stdout).toBe(`${version}\n`);
    }
  });

  // Two copies of an error class would make `instanceof` depend on the entry it came from.
  test("gives one and the same value wherever two entries export one name", async () => {
    const { name, ...manifest } = await readManifest(installed(folder));
    const ids = subpaths({ name, ...manifest }).map((subpath) => name + subpath.slice(1));
    const compare = `
      const seen = new Map();
      const twice = [];
      for (const entry of entries)
        for (const [key, value] of Object.entries(entry)) {
          if (seen.has(key) && seen.get(key) !== value) twice.push(key);
          seen.set(key, value);
        }
      console.log(JSON.stringify(twice));`;
    const esm = `const entries = [${ids.map((id) => `await import("${id}")`)}];`;
    const cjs = `const entries = [${ids.map((id) => `require("${id}")`)}];`;
    expect(await evaluate("same.mjs", esm + compare)).toEqual([]);
    expect(await evaluate("same.cjs", cjs + compare)).toEqual([]);
  });

  test("has declarations that compile without the workspace's own types", async () => {
    const { name, ...manifest } = await readManifest(installed(folder));
    const ids = subpaths({ name, ...manifest }).map((subpath) => name + subpath.slice(1));
    const source = ids.map((id, index) => `export * as entry${index} from "${id}";\n`).join("");
    const consumers = ["consumer.mts", "consumer.cts"].map((file) => join(project, file));
    for (const consumer of consumers) await writeFile(consumer, source);

    const program = ts.createProgram(consumers, {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      noEmit: true,
      typeRoots: [join(root, "node_modules/@types")],
      types: ["node"],
    });
    const files = program
      .getSourceFiles()
      .filter(
        ({ fileName }) =>
          consumers.includes(fileName) || /node_modules\/@?threadkeep\//.test(fileName),
      );
    expect(files.length).toBeGreaterThan(consumers.length);
    const diagnostics = files.flatMap((file) => [...ts.getPreEmitDiagnostics(program, file)]);
    expect(
      diagnostics.map(
        ({ file, messageText }) =>
          `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
      ),
    ).toEqual([]);
  }, 120_000);
});

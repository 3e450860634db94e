import { MysqlSaver } from "@threadkeep/mysql";
import { run } from "./app.js";

const url = process.env.DATABASE_URL ?? "mysql://root:root@localhost:3306/test";
await run(MysqlSaver.fromConnString(url));

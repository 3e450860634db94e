import { Persistence } from "@threadkeep/core";
import { Core } from "../../packages/core/src/persistence/core.js";
import { repair } from "../../packages/core/src/persistence/repair.js";
import { readTranscript } from "../../packages/core/src/persistence/transcript-page.js";
import { operation } from "../../packages/core/src/errors.js";
const P = Persistence.prototype as any;
const core = (p: any) => new Core(p.checkpointer, "messages", true);
P.messages ??= function (id: any, q: any) { return operation("messages", () => readTranscript(core(this), id, q)); };
P.repair ??= function (id: any, q: any) { return operation("repair", () => repair(core(this), id, q)); };

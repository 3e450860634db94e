import { servedPostgres } from "../faults/postgres.js";
import { terminated } from "../faults/postgres-protocol.js";
import { onServer } from "../faults/register.js";
import { farewellChecks, faultChecks } from "../suites/faults.js";
import { accessChecks } from "../suites/faults-access.js";
import { closingChecks } from "../suites/faults-closing.js";
import { mutantChecks } from "../suites/faults-mutants.js";
import { poolChecks, timeoutChecks } from "../suites/faults-pools.js";
import { replyChecks } from "../suites/faults-replies.js";
import { wireChecks } from "../suites/faults-wire.js";
import { hostileChecks } from "../suites/hostile.js";
import { setupRaceChecks } from "../suites/setup-race.js";
import { writerChecks } from "../suites/writers.js";

onServer(servedPostgres, {
  writers: writerChecks,
  "set-up": setupRaceChecks,
  faults: { ...faultChecks, ...farewellChecks(terminated()) },
  "lost replies": replyChecks,
  pools: poolChecks,
  "hostile strings": hostileChecks,
  access: accessChecks,
  closing: closingChecks,
  wire: wireChecks,
  "a double that is broken": mutantChecks,
});
onServer(servedPostgres, { timeouts: timeoutChecks }, { flags: servedPostgres.impatient });

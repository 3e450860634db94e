/** The command line, as `npx threadkeep` runs it. */
import "../../packages/threadkeep/src/bin.js";

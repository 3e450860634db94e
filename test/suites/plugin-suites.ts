import { pluginChecks } from "./plugin.js";
import { pluginChainChecks } from "./plugin-chains.js";
import { pluginGraphChecks } from "./plugin-graphs.js";
import { pluginHistoryChecks } from "./plugin-history.js";
import { pluginOwnerChecks } from "./plugin-owners.js";
import { pluginStreamChecks } from "./plugin-streams.js";
import { pluginToolChecks } from "./plugin-tools.js";

/** What the plugin promises on every backend. */
export const pluginSuites = {
  plugin: pluginChecks,
  "plugin and streams": pluginStreamChecks,
  "plugin and tools": pluginToolChecks,
  "plugin and history": pluginHistoryChecks,
  "plugin in graphs": pluginGraphChecks,
  "plugin in chains": pluginChainChecks,
  "plugin and owners": pluginOwnerChecks,
};

/** The public face of the host: all that plugins, the built-in ones included, and config files import. */
export { z } from 'zod'
export { defineConfig, type ConfigInput } from './config.ts'
export {
  API_VERSION,
  definePlugin,
  type Plugin,
  type PluginDefinition,
  type PluginFactory,
} from './plugin.ts'
export { Stage } from './hooks.ts'
export type {
  CloseEvent,
  CloseReason,
  CommandEvent,
  ConnectEvent,
  LineEvent,
  SettledEvent,
  ShutdownEvent,
} from './hooks.ts'
export { deliver, drop, refuse } from './verdicts.ts'
export type {
  CommandVerdict,
  ConnectVerdict,
  Deliver,
  Drop,
  LineVerdict,
  Refuse,
} from './verdicts.ts'
export { defineService, type Service } from './services.ts'
export { ChatError, ConfigError, type ErrorCode, type Problem } from './errors.ts'
export { didYouMean, nearest } from './nearest.ts'
export { safeText } from './text.ts'
export { LOG_LEVELS } from './log.ts'
export type { Audience, NamedAudience } from './audience.ts'
export type { Client } from './client.ts'
export type { Peer } from './connection.ts'
export type { Cancel } from './clock.ts'
export type {
  ArgumentSchemas,
  CommandCall,
  CommandExample,
  CommandExampleInfo,
  CommandInfo,
  Commands,
  CommandSpec,
} from './commands.ts'
export type { BroadcastOptions, Clients, PluginContext, PluginHooks } from './context.ts'
export type { Logger, LogLevel, LogRecord, LogSink } from './log.ts'
export type { ClientState, ClientStateOptions } from './states.ts'
export type {
  DecidingHook,
  DecidingTapOptions,
  TapOptions,
  TellingHook,
  WatchingHook,
} from './taps.ts'

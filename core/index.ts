/** The public API of the host: everything that plugins, built-in ones included, and config files import. */
export { z } from 'zod'
export { defineConfig, type ConfigInput } from './host/config.ts'
export {
  API_VERSION,
  definePlugin,
  type Plugin,
  type PluginDefinition,
  type PluginFactory,
} from './lifecycle/define-plugin.ts'
export { Stage } from './hooks/tap-options.ts'
export type {
  CloseEvent,
  CloseReason,
  CommandEvent,
  ConnectEvent,
  Author,
  LineEvent,
  MessageEvent,
  SettledEvent,
  ShutdownEvent,
} from './hooks/events.ts'
export { deliver, drop, refuse } from './hooks/verdicts.ts'
export type {
  CommandVerdict,
  ConnectVerdict,
  Deliver,
  Drop,
  LineVerdict,
  Refuse,
} from './hooks/verdicts.ts'
export { defineService, type Service } from './lifecycle/services.ts'
export { ChatError, ConfigError, type ErrorCode, type Problem } from './support/errors.ts'
export { didYouMean, nearest } from './support/suggest.ts'
export { safeText } from './support/safe-text.ts'
export { LOG_LEVELS } from './support/log.ts'
export { refill, type Rate, type TokenBucket } from './support/token-bucket.ts'
export type { Audience, NamedAudience } from './clients/audience.ts'
export type { Client } from './clients/client.ts'
export type { Peer } from './net/transport.ts'
export type { Cancel } from './support/clock.ts'
export type {
  ArgumentSchemas,
  CommandCall,
  CommandExample,
  CommandExampleInfo,
  CommandInfo,
  Commands,
  CommandSpec,
} from './commands/command-spec.ts'
export type { BroadcastOptions, PluginContext, SayOptions } from './lifecycle/plugin-context.ts'
export type { Clients } from './clients/client.ts'
export type { StoreRange } from './lifecycle/database.ts'
export type { Store, StoreIterator, StoreOperation } from './lifecycle/store.ts'
export type { PluginHooks } from './hooks/hooks.ts'
export type { Logger, LogLevel, LogRecord, LogSink } from './support/log.ts'
export type { ClientState, ClientStateOptions } from './clients/client-state.ts'
export type {
  DecidingHook,
  DecidingTapOptions,
  TapOptions,
  TellingHook,
  WatchingHook,
} from './hooks/tap-options.ts'
export type { Tags } from './hooks/tags.ts'

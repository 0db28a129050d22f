/** A typed, self-healing connection from a browser, or any other place with WebSockets, to a psd server. */
export type { AuthOptions, AuthState } from "./auth.js";
export type { Cache, CacheOptions } from "./cache.js";
export {
  createClient,
  type Client,
  type ClientAuth,
  type ClientOptions,
  type Delivery,
  type MessageInfo,
  type SendOptions,
} from "./client.js";
export type { ClientMessage, Init, MessageType, ServerMessage } from "./codec/index.js";
export type { ConnectionState } from "./connection.js";
export type { Dialect } from "./dialect.js";
export type { WebSocketConstructor, WebSocketLike } from "./environment.js";
export { PsdError, type ErrorKind } from "./error.js";
export { hasKeys, identity, matches } from "./keys.js";
export type { DeliveryStatus, Outbox, OutboxEntry, OutboxOptions } from "./outbox.js";
export type { Contract } from "./parts.js";
export type { RequestOptions } from "./requests.js";
export { indexedDbStorage } from "./storage/indexed-db.js";
export { memoryStorage } from "./storage/memory.js";
export type { Row, Storage } from "./storage/storage.js";
export type { Store } from "./store.js";
export { localTokens, type Claims, type Tokens, type TokenStore } from "./tokens.js";

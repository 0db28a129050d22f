import type { CachePart } from "./cache.js";
import type { ClientOptions } from "./client.js";
import type { MessageType } from "./codec/index.js";
import type { OutboxPart } from "./outbox.js";
import type { NewCall } from "./requests.js";
import type { Storage } from "./storage/storage.js";

/**
 * What a client has to know of an application: its messages, and those parts of itself that only some contracts need.
 * `psd generate` writes it, so that a page holds no outbox unless a message goes through one.
 */
export interface Contract {
  readonly messages: readonly MessageType[];
  /** `outbox` of `@psd/client/offline`, where a client's message has `client cache`. */
  readonly outbox?: (host: Host) => OutboxPart;
  /** `cache` of `@psd/client/offline`, where a server's message has `client cache`. */
  readonly cache?: (host: Host) => CachePart;
}

/** What a client is for its parts. */
export interface Host {
  readonly options: ClientOptions;
  /** Where the parts keep messages; opened by the first that needs it. */
  storage?: Storage;
  /** Whose messages are kept; resolves once that is known. */
  user(): Promise<string>;
  /** The client's message of a route, if it is known. */
  find(route: string): MessageType | undefined;
  /** Whether messages can be sent now. */
  canSend(): boolean;
  /** Sends a request, if that is possible now, and waits for its answer. */
  start(call: NewCall): Promise<unknown>;
  warn(error: unknown): void;
}

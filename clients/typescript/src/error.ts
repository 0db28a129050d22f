/**
 * What went wrong:
 *
 * | kind | meaning |
 * | --- | --- |
 * | `refused` | the server refused the request; `code` and `message` are its own |
 * | `timeout` | no answer came in time |
 * | `disconnected` | the connection ended before the answer came; whether the server acted is unknown. `code` is the close code |
 * | `aborted` | the caller's `AbortSignal` fired |
 * | `no-reply` | the server handled the request without the reply that was asked for |
 * | `unreadable` | what came, or is to be sent, does not fit its type |
 * | `too-large` | the message is over the largest frame that the server takes |
 * | `signed-out` | there is no valid token any more, and no way to a new one |
 * | `full` | too much waits to be sent already |
 * | `expired` | the message waited in the outbox for longer than its contract says |
 * | `replaced` | a newer message with the same cache keys took its place in the outbox |
 */
export type ErrorKind =
  | "refused"
  | "timeout"
  | "disconnected"
  | "aborted"
  | "no-reply"
  | "unreadable"
  | "too-large"
  | "signed-out"
  | "full"
  | "expired"
  | "replaced";

/** Every error of the client. */
export class PsdError extends Error {
  /** What went wrong. */
  declare readonly kind: ErrorKind;
  /** The server's code where it refused, the close code where the connection ended. */
  declare readonly code: number | undefined;

  constructor(kind: ErrorKind, message: string, code?: number, cause?: unknown) {
    super(message, cause ? { cause } : undefined);
    this.name = "PsdError";
    this.kind = kind;
    this.code = code;
  }
}

/** Any error as one of the client: what is none of its own says that a message of this route cannot be read or written. */
export function asPsdError(error: unknown, type: string): PsdError {
  return error instanceof PsdError ? error : new PsdError("unreadable", `\`${type}\` is unreadable: ${(error as Error)?.message}`, undefined, error);
}

// What the surroundings offer: browsers, workers, Node, Deno and Bun differ, and each thing is looked for where it is
// used, so that importing this package does nothing anywhere.

/** The part of a WebSocket that the client uses; a browser's, Node's own and that of the package `ws` have it. */
export interface WebSocketLike {
  binaryType: string;
  readonly protocol: string;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: any): void;
  close(code?: number, reason?: string): void;
}

/** A constructor of WebSockets. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

/** An absolute `ws:` or `wss:` address; relative ones are taken from the page's. */
export function socketUrl(url: string | URL): string {
  const absolute = new URL(url, globalThis.location?.href);
  absolute.hash = "";
  return absolute.href.replace(/^http/, "ws");
}

/** A random text of its own: a UUID, or numbers where pages came by plain HTTP. */
export function randomUuid(): string {
  return crypto.randomUUID?.() ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/** The browser's Web Locks; pages that came by plain HTTP have none. */
export function webLocks(): LockManager | undefined {
  return globalThis.navigator?.locks;
}

/**
 * Calls `back` when the network may be there again or the page is looked at again, and `gone` when the system says that
 * the network is away. Returns what stops it.
 */
export function watchNetwork(back: () => void, gone: () => void): () => void {
  const abort = new AbortController();
  const on = (target: EventTarget | undefined, event: string, listener: () => void) => target?.addEventListener?.(event, listener, abort);
  on(globalThis.window, "online", back);
  on(globalThis.window, "pageshow", back);
  on(globalThis.window, "offline", gone);
  on(globalThis.document, "visibilitychange", () => document.visibilityState === "visible" && back());
  return () => abort.abort();
}

/** Runs something later, unless the returned function is called before. Beyond 24 days is never: nothing sleeps that long. */
export function timer(milliseconds: number, run: () => void): () => void {
  const handle: unknown = milliseconds < 2 ** 31 && setTimeout(run, milliseconds);
  return () => clearTimeout(handle as number);
}

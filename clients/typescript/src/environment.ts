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

/** The global constructor, if there is one: Node has it from 22 on. */
export function globalWebSocket(): WebSocketConstructor {
  if (!globalThis.WebSocket) {
    throw new Error("there is no global WebSocket here (Node has one from 22 on): pass one in the option `WebSocket`");
  }
  return globalThis.WebSocket as WebSocketConstructor;
}

/** An absolute `ws:` or `wss:` address; relative ones are taken from the page's. */
export function socketUrl(url: string | URL): string {
  const absolute = new URL(url, globalThis.location?.href);
  absolute.protocol = absolute.protocol.replace("http", "ws");
  absolute.hash = "";
  return absolute.href;
}

/** A random UUID (version 4), also where `crypto.randomUUID` is missing: pages that came by plain HTTP. */
export function randomUuid(): string {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 15) | 64;
  bytes[8] = (bytes[8]! & 63) | 128;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
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
  const visible = () => document.visibilityState === "visible" && back();
  const events: [EventTarget | undefined, string, () => void][] = [
    [globalThis.window, "online", back],
    [globalThis.window, "offline", gone],
    [globalThis.window, "pageshow", back],
    [globalThis.document, "visibilitychange", visible],
  ];
  for (const [target, event, listener] of events) target?.addEventListener?.(event, listener);
  return () => {
    for (const [target, event, listener] of events) target?.removeEventListener?.(event, listener);
  };
}

/** Runs something later, unless the returned function is called before. */
export function timer(milliseconds: number, run: () => void): () => void {
  // Longer ones would fire at once.
  const handle: unknown = setTimeout(run, Math.min(milliseconds, 2 ** 31 - 1));
  return () => clearTimeout(handle as number);
}

import { createAuth, type AuthOptions, type AuthState } from "./auth.js";
import type { Cache, CacheOptions, CachePart } from "./cache.js";
import { create, type ClientMessage, type Init, type MessageType, type ServerMessage } from "./codec/index.js";
import { Login, LoginError, LoginToken, RefreshToken, RefreshTokenInvalid, RevokeToken, TokenInvalid, VerifyToken } from "./wire.js";
import { createConnection, type ConnectionState } from "./connection.js";
import type { Dialect } from "./dialect.js";
import { randomUuid, type WebSocketConstructor } from "./environment.js";
import { asPsdError, PsdError } from "./error.js";
import type { DeliveryStatus, Outbox, OutboxOptions, OutboxPart } from "./outbox.js";
import type { Contract, Host } from "./parts.js";
import { createRequests, type NewCall, type Reply, type RequestOptions } from "./requests.js";
import type { Storage } from "./storage/storage.js";
import { cell, listenerSet, type Store } from "./store.js";
import type { Tokens } from "./tokens.js";

/** What a client is made with. */
export interface ClientOptions {
  /** The address: `/ws`, `https://example.org/ws`, `wss://…`; or a function that finds it before each attempt. */
  readonly url: string | URL | (() => string | URL | Promise<string | URL>);
  /** Speaks this dialect and no other. By default `psd.v1.proto` and `psd.v1.json` are offered; classic is tried after a failure. */
  readonly dialect?: Dialect;
  /** Tokens, where they are kept, and how new ones are got. */
  readonly auth?: AuthOptions;
  /** The generated `contract`: messages that may come before somebody names them, and what keeps those with `client cache`. */
  readonly contract?: Contract;
  /** The version of the application's contract, which the server is told. */
  readonly apiVersion?: number;
  /** Milliseconds that requests may take unless they say otherwise; 10 000 by default. */
  readonly timeout?: number;
  /** The constructor of WebSockets where there is no global one, as in Node before 22: that of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor;
  /** The name of the database in the browser; `psd` by default. Two clients of one site need two names. */
  readonly database?: string;
  /** Where the outbox and the cache are kept; by default IndexedDB where it is there, else memory. */
  readonly storage?: Storage;
  /** How much may wait in the outbox. */
  readonly outbox?: OutboxOptions;
  /** How much the cache keeps. */
  readonly cache?: CacheOptions;
  /** Told of what goes wrong without a caller to tell; by default the console is. */
  readonly onWarning?: (error: unknown) => void;
}

/** How a message is sent. */
export interface SendOptions extends RequestOptions {
  /** Asks for no ack, and is done when the message is handed to the socket. */
  readonly noAck?: boolean;
  /** `false` keeps a message with `client cache` out of the outbox. */
  readonly outbox?: boolean;
}

/** A message on its way: resolves when the server has handled it, and tells meanwhile how it fares. */
export interface Delivery extends Promise<void>, Store<DeliveryStatus> {
  readonly uuid: string;
}

/** What is known of a message besides itself. */
export interface MessageInfo {
  /** The uuid of the request that it answers. */
  readonly uuid: string | undefined;
  /** Whether it came from {@link Client.emit}, not from the server. */
  readonly isLocal: boolean;
}

/** Who is signed in, and how that changes. */
export interface ClientAuth extends Store<AuthState> {
  /** The present access token. */
  readonly token: string | undefined;
  /** Resolves once the token store has answered. */
  readonly ready: Promise<void>;
  /** Logs in by `login`; fails with `refused`, the server's reason as its message, and its `LoginError` as its cause. */
  login(username: string, password: string): Promise<void>;
  /** Ends the session: forgets tokens, cache and outbox of the user, and begins another connection. */
  logout(): Promise<void>;
  /** Takes tokens that were got elsewhere. `undefined` forgets them, but nothing else. */
  setTokens(tokens: Tokens | undefined): Promise<void>;
  /** Gets new tokens now; callers at the same time share one request. */
  refresh(): Promise<void>;
}

/** A connection to a psd server that keeps itself alive. */
export interface Client {
  /** Where the connection stands. */
  readonly connection: Store<ConnectionState>;
  /** Who is signed in; logging in and out. */
  readonly auth: ClientAuth;
  /** The messages with `client cache` that the server has not handled yet. */
  readonly outbox: Outbox;
  /** The messages with `client cache` that the server sent. */
  readonly cache: Cache;
  /** Connects, and stays connected. `send` and `fetch` do it too. */
  connect(): void;
  /** Ends the connection for good; requests without an answer fail. What is in the outbox stays there. */
  close(): void;
  /**
   * Sends a message. With `client cache` in its contract it goes through the outbox: it is kept until the server has
   * handled it, over breaks and reloads, and `timeout` and `retry` do not count.
   */
  send<T>(type: ClientMessage<T>, message?: Init<T>, options?: SendOptions): Delivery;
  /** Sends a message, and resolves with the first reply of the type asked for. */
  fetch<T, R>(type: ClientMessage<T>, message: Init<T>, reply: ServerMessage<R>, options?: RequestOptions): Promise<R>;
  /** Calls `listener` for every message of a type, replies too, until the returned function is called. */
  on<T>(type: ServerMessage<T>, listener: (message: T, info: MessageInfo) => void): () => void;
  /** Gives a message to the listeners as if it had come from the server. */
  emit<T>(type: ServerMessage<T>, message: Init<T>): void;
  /** Makes messages known, as the option `contract` does. */
  register(...types: readonly MessageType[]): void;
}

interface Listener {
  readonly type: MessageType;
  readonly calls: ReturnType<typeof listenerSet<[message: any, info: MessageInfo]>>;
}

/** A client for one endpoint. It connects when {@link Client.connect} is called or something is sent. */
export function createClient(options: ClientOptions): Client {
  const { contract, timeout = 10_000, apiVersion, onWarning: warn = (error) => console.warn("psd:", error) } = options;
  const listeners = new Map<string, Listener>();
  /** Messages by their side and route. */
  const known = new Map<string, MessageType>();
  /** The token that the connection carried last. */
  let carried: string | undefined;
  /** Whether a refresh answered a 4401 already. */
  let isTriedAgain = false;
  let hasStarted = false;

  const connection = createConnection(options, {
    async token() {
      await auth.ready;
      // By the connection itself if need be: a server that insists on a token gets the old one.
      if (auth.isDue() && options.auth?.refresh) await auth.refresh().catch(() => {});
      return auth.token;
    },
    opened(token) {
      carried = token;
      isTriedAgain = false;
      if (auth.isDue()) refresh();
      else announce();
      go();
    },
    received(message) {
      const { type, uuid, read } = message;
      const listener = listeners.get(type);
      const descriptor = known.get("server" + type);
      try {
        // Tokens have their own place.
        if (descriptor?.cache && type !== LoginToken.type) void cache.put(descriptor, read(descriptor));
        listener?.calls.call(read(listener.type), { uuid: uuid || undefined, isLocal: false });
      } catch (error) {
        warn(asPsdError(error, type));
      }
      if (type === TokenInvalid.type) {
        // It may be about one that was replaced meanwhile.
        if (carried !== auth.token) announce();
        // While there is a grace and no way to another token, there is nothing to do about it.
        else if (auth.token && (auth.canRefresh() || !read(TokenInvalid).graceMs)) refresh();
      }
      requests.received(message);
    },
    unreadable: (error) => warn(asPsdError(error, "frame")),
    lost: (reason) => requests.lost(reason),
    closed(reason) {
      if (reason.code === 4401 && options.auth?.refresh && auth.canRefresh() && !isTriedAgain) {
        isTriedAgain = true;
        refresh();
      } else {
        requests.closed(reason);
      }
    },
  });
  const state = connection.getSnapshot;
  const isOpen = () => state().status === "open";
  const isClassic = () => (state() as { dialect?: Dialect }).dialect === "classic";

  const requests = createRequests({
    // What needs a token waits while there is a new one on its way.
    canSend: (call) => isOpen() && (!auth.isRefreshing() || call.noToken || call.descriptor?.auth === false),
    transmit(call) {
      const token = call.noToken || auth.isRefreshing() ? undefined : auth.token;
      // Classic servers are used to get the token every time.
      const authHeader = token === carried && !isClassic() ? undefined : token;
      const left = Math.max(1, Math.round(call.ends - Date.now()));
      connection.send({ ...call, authHeader, apiVersion, deadlineMs: call.ack && !isClassic() && left < 2 ** 32 ? left : undefined });
      carried = authHeader ?? carried;
      call.held = auth.token;
    },
    cancel(uuid) {
      if (isOpen() && !isClassic()) connection.send({ type: "psd.cancel", uuid });
    },
    isLast: () => !isClassic(),
    authenticate(call) {
      // There may be another one already, or on its way.
      if (call.held !== auth.token || auth.isRefreshing()) return true;
      if (auth.canRefresh()) refresh();
      return auth.canRefresh();
    },
  });

  const auth = createAuth(options.auth ?? {}, {
    async refresh(refreshToken) {
      const reply = await request(RefreshToken, { refreshToken }, { replies: [LoginToken, RefreshTokenInvalid], noToken: true });
      if (reply.type === RefreshTokenInvalid) throw new PsdError("signed-out", "the refresh token is no longer valid");
      return reply.value;
    },
    changed(isKnown) {
      if (isKnown) carried = auth.token;
      if (auth.isRefreshing()) return;
      const current = state();
      // A server keeps what it was told: only another connection is nobody's.
      if (isOpen() && !auth.token && carried) connection.reopen();
      else if (isOpen()) announce();
      else if (current.status === "closed" && current.reason.code === 4401 && auth.token) connection.connect();
      if (!isSignedOut()) void outbox.setUser(auth.user());
      go();
    },
    warn,
  });
  const isSignedOut = () => auth.getSnapshot().status === "signed-out";

  const host: Host = {
    options,
    find: (route) => known.get("client" + route),
    warn,
    user: () => auth.ready.then(auth.user),
    canSend: () => isOpen() && !auth.isRefreshing() && !isSignedOut(),
    start: requests.start,
  };
  const outbox = (contract?.outbox ?? nothingKept)(host);
  const cache = (contract?.cache ?? nothingKept)(host);

  function connect(): void {
    if (!hasStarted) {
      hasStarted = true;
      void host.user().then(outbox.setUser);
      void cache.sweep();
    }
    connection.connect();
  }

  /** Sends what can be sent. */
  function go(): void {
    requests.flush();
    outbox.pump();
  }

  function refresh(): void {
    // Whoever waits for it hears of a failure; the state tells everybody else.
    auth.refresh().catch(() => {});
  }

  /** Shows a token that the server does not know yet, so that what it sends by itself is not interrupted. */
  function announce(): void {
    if (auth.token && auth.token !== carried && !auth.isRefreshing()) request(VerifyToken, {}, { ack: false }).catch(() => {});
  }

  async function request<T>(type: ClientMessage<T>, message: Init<T>, rest: Partial<NewCall>): Promise<Reply> {
    const current = state();
    if (current.status === "closed") throw current.reason;
    if (current.status === "idle") connect();
    const reply = await requests.start({ timeout, uuid: randomUuid(), type: type.type, descriptor: type, value: create(type, message), ...rest });
    return reply!;
  }

  function register(...types: readonly MessageType[]): void {
    for (const type of types) {
      for (const side of ["client", "server"]) if (type.origin?.includes(side)) known.set(side + type.type, type);
    }
  }

  register(...(contract?.messages ?? []));

  return {
    connection,
    outbox,
    cache,
    auth: Object.assign(auth, {
      async login(username: string, password: string) {
        const { type, value } = await request(Login, { username, password }, { replies: [LoginToken, LoginError], noToken: true });
        if (type === LoginError) throw new PsdError("refused", value.errorText || "the login was refused", undefined, value);
        await auth.setTokens(value, true);
      },
      logout: () =>
        auth.leave(async () => {
          if (auth.token && isOpen()) {
            const told = request(RevokeToken, { refreshToken: auth.refreshToken() ?? "" }, { timeout: 5000, noToken: true });
            // A server that knows no sessions has nothing to end.
            await told.catch((error: PsdError) => error.code === 404 || warn(error));
          }
          await cache.clear();
          await outbox.clear();
        }),
    }),
    connect,
    close() {
      connection.close(new PsdError("disconnected", "this client is closed"));
      auth.stop();
    },
    send(type, message = {}, { noAck, outbox: keep, ...rest } = {}) {
      register(type);
      const { uuid = randomUuid(), signal } = rest;
      const status = cell<DeliveryStatus>({ state: "queued", retries: 0 });
      let promise: Promise<void>;
      if (type.cache && keep !== false && !noAck) {
        promise = new Promise<void>((resolve, reject) => {
          const aborted = () => outbox.discard(uuid);
          if (state().status === "idle") connect();
          const watch = (now: DeliveryStatus) => {
            status.set(now);
            if (now.state === "sent") resolve();
            else if (now.state === "failed") reject(now.error);
          };
          outbox.add(type, create(type, message), uuid, watch).catch((error) => reject(asPsdError(error, type.type)));
          signal?.addEventListener("abort", aborted);
          if (signal?.aborted) aborted();
        });
        // How it fares is seen in the outbox: nobody has to wait for it.
        promise.catch(() => {});
      } else {
        const set = (state: DeliveryStatus["state"], error?: PsdError) => status.set({ state, retries: 0, error } as DeliveryStatus);
        promise = request(type, message, { ...rest, uuid, ack: !noAck, onSent: () => set("sending") }).then(
          () => set("sent"),
          (error: PsdError) => {
            set("failed", error);
            throw error;
          },
        );
      }
      return Object.assign(promise, { uuid }, status);
    },
    async fetch(type, message, reply, rest) {
      register(type, reply);
      return (await request(type, message, { ...rest, replies: [reply] })).value;
    },
    on(type, listener) {
      register(type);
      const entry = listeners.get(type.type) ?? { type, calls: listenerSet() };
      listeners.set(type.type, entry);
      return entry.calls.add(listener);
    },
    emit(type, message) {
      listeners.get(type.type)?.calls.call(create(type, message), { uuid: undefined, isLocal: true });
    },
    register,
  };
}

/** What stands for the outbox and the cache of a contract that needs none. */
function nothingKept(): OutboxPart & CachePart {
  const nothing = async (): Promise<any> => [];
  return {
    ...cell<[]>([]),
    async add({ type }) {
      throw new Error(`\`${type}\` needs an outbox: give \`createClient\` the generated \`contract\``);
    },
    pump: nothing,
    setUser: nothing,
    retry: nothing,
    discard: nothing,
    query: nothing,
    put: nothing,
    delete: nothing,
    clear: nothing,
    sweep: nothing,
  };
}

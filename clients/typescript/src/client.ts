import { createAuth, type AuthOptions, type AuthState } from "./auth.js";
import { createCache, type Cache, type CacheOptions } from "./cache.js";
import { create, type ClientMessage, type Init, type MessageType, type ServerMessage } from "./codec/index.js";
import { Login, LoginError, LoginToken, RefreshToken, RefreshTokenInvalid, RevokeToken, TokenInvalid, VerifyToken } from "./common/authentication.js";
import { Cancel } from "./common/v1.js";
import { createConnection, type ConnectionState } from "./connection.js";
import type { Dialect, Incoming } from "./dialect.js";
import { randomUuid, type WebSocketConstructor } from "./environment.js";
import { PsdError } from "./error.js";
import { createOutbox, tabName, type DeliveryStatus, type Outbox, type OutboxOptions } from "./outbox.js";
import { createRequests, type NewCall, type RequestOptions } from "./requests.js";
import { indexedDbStorage } from "./storage/indexed-db.js";
import { memoryStorage } from "./storage/memory.js";
import { resilientStorage } from "./storage/resilient.js";
import type { Storage } from "./storage/storage.js";
import { cell, listenerSet, type Store } from "./store.js";
import type { Tokens } from "./tokens.js";

/** What a client is made with. */
export interface ClientOptions {
  /** The address: `/ws`, `https://example.org/ws`, `wss://…`; or a function that finds it before each attempt. */
  readonly url: string | URL | (() => string | URL | Promise<string | URL>);
  /** Speaks this dialect and no other. By default the best that the server speaks is found, classic at the second try. */
  readonly dialect?: Dialect;
  /** Tokens, where they are kept, and how new ones are got. */
  readonly auth?: AuthOptions;
  /** The messages that may come from the cache, the outbox or the server before somebody names them: the generated list. */
  readonly messages?: readonly MessageType[];
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
  readonly outbox?: OutboxOptions;
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
  /** Logs in by `login`; fails with `refused` and the server's reason. */
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
  readonly auth: ClientAuth;
  readonly outbox: Outbox;
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
  /** Makes messages known, as the option `messages` does. */
  register(...types: readonly MessageType[]): void;
}

interface Listener {
  readonly type: MessageType;
  readonly calls: ReturnType<typeof listenerSet<[message: any, info: MessageInfo]>>;
}

/** A client for one endpoint. It connects when {@link Client.connect} is called or something is sent. */
export function createClient(options: ClientOptions): Client {
  const warn = options.onWarning ?? ((error: unknown) => console.warn("psd:", error));
  const database = options.database ?? "psd";
  const isPersistent = !options.storage && typeof indexedDB !== "undefined";
  const kept = options.storage ?? (isPersistent ? indexedDbStorage(database) : memoryStorage());
  const storage = resilientStorage(kept, (error) => {
    warn(new Error("messages cannot be kept in this browser: they are until the page is closed", { cause: error }));
  });
  const listeners = new Map<string, Listener>();
  const known = { client: new Map<string, MessageType>(), server: new Map<string, MessageType>() };
  let hasStarted = false;
  /** The token that the connection carried last. */
  let carried: string | undefined;
  /** Whether a refresh answered a 4401 already. */
  let isTriedAgain = false;
  let named: (name: string) => void;
  const tab = new Promise<string>((resolve) => (named = resolve));

  const connection = createConnection(
    {
      url: options.url,
      dialect: options.dialect,
      WebSocket: options.WebSocket,
      apiVersion: options.apiVersion,
      warn: (error) => warn(new PsdError("unreadable", `something came that cannot be read: ${(error as Error)?.message}`, undefined, error)),
    },
    {
      async token() {
        await auth.ready;
        // One that is about to end is refreshed first.
        return auth.isDue() ? undefined : auth.token;
      },
      opened(token) {
        carried = token;
        isTriedAgain = false;
        if (auth.isDue()) refresh();
        else if (token !== auth.token && auth.token) announce();
        go();
      },
      received,
      lost: (reason) => requests.lost(reason),
      closed(reason) {
        if (reason.code === 4401 && options.auth?.refresh && auth.canRefresh() && !isTriedAgain) {
          isTriedAgain = true;
          refresh();
        } else {
          requests.closed(reason);
        }
      },
    },
  );
  const status = () => connection.state.getSnapshot().status;

  const requests = createRequests({
    // What needs a token waits while there is a new one on its way.
    canSend: (call) => status() === "open" && (!auth.isRefreshing || call.noToken || call.descriptor?.auth === false),
    transmit(call, deadline) {
      const { token } = auth;
      // Classic servers are used to get the token every time.
      const isNews = token !== carried || dialect() === "classic";
      const shown = isNews && !call.noToken && !auth.isRefreshing ? token : undefined;
      connection.send({ ...call, token: shown, deadline: call.ack ? deadline : undefined });
      if (shown) carried = shown;
      call.token = token;
    },
    cancel(uuid) {
      if (status() === "open" && dialect() !== "classic") connection.send({ type: "psd.cancel", descriptor: Cancel, value: {}, uuid });
    },
    isLast: () => dialect() !== "classic",
    authenticate(call) {
      // There may be another one already, or on its way.
      if (call.token !== auth.token) return true;
      if (!auth.isRefreshing && !auth.canRefresh()) return false;
      refresh();
      return true;
    },
  });

  const auth = createAuth(options.auth ?? {}, {
    async refresh(refreshToken) {
      const replies = [LoginToken, RefreshTokenInvalid];
      const reply = await request(RefreshToken, create(RefreshToken, { refreshToken }), { replies, noToken: true });
      if (reply!.type === RefreshTokenInvalid) throw new PsdError("signed-out", "the refresh token is no longer valid");
      return reply!.value;
    },
    changed(isKnown) {
      if (isKnown) carried = auth.token;
      if (auth.isRefreshing) return;
      const state = connection.state.getSnapshot();
      if (state.status === "open") {
        // A server keeps what it was told: only another connection is nobody's.
        if (!auth.token && carried) connection.reopen();
        else if (auth.token !== carried) announce();
      } else if (state.status === "closed" && state.reason.code === 4401 && auth.token) {
        connection.connect();
      }
      if (auth.state.getSnapshot().status !== "signed-out") void outbox.setUser(auth.user);
      go();
    },
    warn,
  });

  const outbox = createOutbox(storage, tab, options.outbox ?? {}, {
    async send(item) {
      const { uuid, type, body, at, sent } = item;
      await requests.start({ uuid, type, body, at, descriptor: known.client.get(type), retries: sent - 1, timeout: 30_000 });
    },
    isOpen: () => status() === "open" && !auth.isRefreshing && auth.state.getSnapshot().status !== "signed-out",
    find: (type) => known.client.get(type),
  });

  const cache = createCache(storage, () => auth.ready.then(() => auth.user), options.cache ?? {}, warn);

  function dialect(): Dialect | undefined {
    const state = connection.state.getSnapshot();
    return state.status === "open" ? state.dialect : undefined;
  }

  function start(): void {
    if (!hasStarted) {
      hasStarted = true;
      void (isPersistent ? tabName(database, randomUuid()) : Promise.resolve(database)).then(named);
      void auth.ready.then(async () => {
        await outbox.setUser(auth.user);
        await outbox.adopt();
        await cache.sweep();
      });
    }
    if (status() === "idle") connection.connect();
  }

  /** Sends what can be sent. */
  function go(): void {
    requests.flush();
    void outbox.pump();
  }

  function refresh(): void {
    // Whoever waits for it hears of a failure; the state tells everybody else.
    auth.refresh().catch(() => {});
  }

  /** Shows a new token, so that what the server sends by itself is not interrupted. */
  function announce(): void {
    request(VerifyToken, create(VerifyToken), { ack: false }).catch(() => {});
  }

  function request(type: MessageType, value: unknown, rest: Partial<NewCall>) {
    const { status, reason } = connection.state.getSnapshot() as { status: string; reason: PsdError };
    if (status === "closed") return Promise.reject(reason);
    start();
    return requests.start({ timeout: options.timeout ?? 10_000, uuid: randomUuid(), type: type.type, descriptor: type, value, ...rest });
  }

  function register(...types: readonly MessageType[]): void {
    for (const type of types) {
      if (!type.type) continue;
      for (const side of ["client", "server"] as const) if (type.origin?.includes(side)) known[side].set(type.type, type);
    }
  }

  function received(message: Incoming): void {
    const values = new Map<MessageType, unknown>();
    const read = (type: MessageType) => {
      if (!values.has(type)) values.set(type, message.read(type));
      return values.get(type);
    };
    const listener = listeners.get(message.type);
    const type = known.server.get(message.type);
    try {
      // Tokens have their own place.
      if (type?.cache && type.name !== LoginToken.name) void cache.put(type, read(type));
      listener?.calls.call(read(listener.type), { uuid: message.uuid, isLocal: false });
    } catch (error) {
      warn(new PsdError("unreadable", `\`${message.type}\` cannot be read: ${(error as Error).message}`, undefined, error));
    }
    if (message.type === "token-invalid") {
      if (carried !== auth.token) announce();
      // While there is a grace and no way to another token, there is nothing to do about it.
      else if (auth.canRefresh() || !message.read(TokenInvalid).graceMs) refresh();
    }
    requests.received(message, read);
  }

  function send<T>(type: ClientMessage<T>, message?: Init<T>, sending: SendOptions = {}): Delivery {
    register(type);
    const { uuid = randomUuid(), noAck = false, noToken = false, outbox: keep = true, ...rest } = sending;
    const value = create(type, message);
    const status = cell<DeliveryStatus>({ state: "queued", retries: 0 });
    const isKept = Boolean(type.cache) && keep && !noAck;
    let promise: Promise<unknown>;
    if (isKept) {
      promise = new Promise<void>((resolve, reject) => {
        const { signal } = rest;
        const aborted = () => outbox.discard(uuid);
        start();
        void outbox.add(type, value, uuid, status, (error) => {
          signal?.removeEventListener("abort", aborted);
          error ? reject(error) : resolve();
        });
        if (signal?.aborted) aborted();
        signal?.addEventListener("abort", aborted);
      });
      // How it fares is seen in the outbox: nobody has to wait for it.
      promise.catch(() => {});
    } else {
      const onSent = () => status.set({ state: "sending", retries: 0 });
      promise = request(type, value, { ...rest, uuid, ack: !noAck, onSent, noToken }).then(
        () => status.set({ state: "sent", retries: 0 }),
        (error: PsdError) => {
          status.set({ state: "failed", retries: 0, error });
          throw error;
        },
      );
    }
    return Object.assign(promise as Promise<void>, { uuid, getSnapshot: status.getSnapshot, subscribe: status.subscribe });
  }

  register(...(options.messages ?? []));

  return {
    connection: connection.state,
    outbox,
    cache: {
      ...(cache as Cache),
      query(type, filter) {
        register(type);
        return cache.query(type, filter);
      },
    },
    auth: {
      getSnapshot: auth.state.getSnapshot,
      subscribe: auth.state.subscribe,
      get token() {
        return auth.token;
      },
      ready: auth.ready,
      refresh: auth.refresh,
      setTokens: (tokens) => auth.set(tokens),
      async login(username, password) {
        const reply = await request(Login, create(Login, { username, password }), { replies: [LoginToken, LoginError], noToken: true });
        if (reply!.type === LoginError) throw new PsdError("refused", reply!.value.errorText || reply!.value.errorCode || "the login was refused");
        const { token, refresh } = reply!.value;
        await auth.set(refresh ? { token, refresh } : { token }, true);
      },
      async logout() {
        if (auth.token && status() === "open") {
          // A server that knows no sessions has nothing to end.
          const told = request(RevokeToken, create(RevokeToken, { refreshToken: auth.refreshToken ?? "" }), { timeout: 5000 });
          await told.catch((error: PsdError) => error.code === 404 || warn(error));
        }
        await cache.clear();
        await outbox.clear();
        await auth.set(undefined);
      },
    },
    connect() {
      start();
      connection.connect();
    },
    close() {
      connection.close(new PsdError("disconnected", "this client is closed"));
      auth.stop();
    },
    send,
    async fetch<T, R>(type: ClientMessage<T>, message: Init<T>, reply: ServerMessage<R>, fetching: RequestOptions = {}) {
      register(type, reply);
      return (await request(type, create(type, message), { ...fetching, replies: [reply] }))!.value as R;
    },
    on(type, listener) {
      register(type);
      let entry = listeners.get(type.type);
      if (!entry) listeners.set(type.type, (entry = { type, calls: listenerSet() }));
      return entry.calls.add(listener);
    },
    emit(type, message) {
      listeners.get(type.type)?.calls.call(create(type, message), { uuid: undefined, isLocal: true });
    },
    register,
  };
}

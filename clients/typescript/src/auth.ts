import { timer, webLocks } from "./environment.js";
import { PsdError } from "./error.js";
import { cell } from "./store.js";
import { claims, type Claims, type Tokens, type TokenStore } from "./tokens.js";

/** How a client is authenticated. */
export interface AuthOptions {
  /** The access token to begin with; what the store holds goes before it. */
  readonly token?: string;
  /** The refresh token to begin with. */
  readonly refreshToken?: string;
  /** Where tokens are kept; by default nowhere. {@link localTokens} keeps them in `localStorage`. */
  readonly store?: TokenStore;
  /**
   * Gets new tokens, or throws a {@link PsdError} of the kind `signed-out` if there will be none; any other error is
   * tried again. By default `refresh-token` is sent, if there is a refresh token.
   */
  readonly refresh?: (tokens: Tokens) => Promise<Tokens | string>;
  /** How many milliseconds before its end a token is refreshed; 30 000 by default, but at most a fifth of its life. */
  readonly refreshBefore?: number;
}

/** Who is signed in. */
export type AuthState =
  /** The token store has not answered yet. */
  | { readonly status: "loading" }
  /** Nobody. */
  | { readonly status: "anonymous" }
  /** Somebody; `claims` are those of a JWT, not verified. */
  | { readonly status: "signed-in"; readonly user: string; readonly claims: Claims }
  /** Nobody any more, and not because they wished to. */
  | { readonly status: "signed-out"; readonly reason: PsdError };

/** Milliseconds from a refresh that failed, but not for good, to the next. */
const AGAIN = 5000;

/** What the tokens need of the client. */
export interface AuthEvents {
  /** Asks the server for new tokens; fails with `signed-out` if it refuses. */
  refresh(refreshToken: string): Promise<Tokens>;
  /**
   * The token changed, or a refresh ended. `known`: by a request over the connection, whose server knows the new token
   * already.
   */
  changed(known: boolean): void;
  warn(error: unknown): void;
}

/** The tokens of a client. */
export type Auth = ReturnType<typeof createAuth>;

export function createAuth(options: AuthOptions, events: AuthEvents) {
  const state = cell<AuthState>({ status: "loading" });
  let tokens: Tokens | undefined;
  /** Stays when the token is lost, until somebody logs in or out. */
  let user = "";
  let refreshing: Promise<void> | undefined;
  let isLeaving = false;
  let stopTimer: (() => void) | undefined;
  /** When the token should be refreshed, by this machine's clock. */
  let due = Infinity;
  let { store } = options;

  const ready = (async () => {
    let found: Tokens | undefined;
    try {
      found = await store?.load();
    } catch (error) {
      events.warn(error);
    }
    // Somebody may have logged in meanwhile.
    if (state.getSnapshot().status !== "loading") return;
    if (!found && options.token) await save((found = { token: options.token, refresh: options.refreshToken }));
    adopt(found, false);
  })();
  store?.subscribe?.((changed) => {
    // That nobody is signed in goes before what this tab may have heard first: that its token is worthless.
    if (!changed || changed.token !== tokens?.token) {
      adopt(changed);
      events.changed(false);
    }
  });

  function adopt(next: Tokens | undefined, isNew = true, reason?: PsdError): void {
    tokens = next;
    stopTimer?.();
    due = Infinity;
    if (!next) {
      if (!reason) user = "";
      return state.set(reason ? { status: "signed-out", reason } : { status: "anonymous" });
    }
    const known = claims(next.token);
    const before = state.getSnapshot();
    user = String(known.user_id ?? known.sub ?? "");
    // A refresh is no news to those who watch, unless it is somebody else.
    if (before.status !== "signed-in" || before.user !== user) state.set({ status: "signed-in", user, claims: known });
    const { exp, iat } = known;
    if (typeof exp !== "number" || !canRefresh()) return;
    const now = Date.now();
    const life = typeof iat === "number" ? (exp - iat) * 1000 : Infinity;
    // The clocks may differ: of a token that was made just now, only its life counts.
    const end = isNew && life < Infinity ? now + life : exp * 1000;
    due = Math.max(end - Math.min(options.refreshBefore ?? 30_000, life / 5), isNew ? now + 1000 : 0);
    stopTimer = timer(Math.max(0, due - now), () => refresh().catch(() => {}));
  }

  function canRefresh(): boolean {
    return !!(tokens && (options.refresh || tokens.refresh));
  }

  async function save(next: Tokens | undefined): Promise<void> {
    try {
      await store?.save(next);
    } catch (error) {
      // What it holds now is not what holds.
      store = undefined;
      events.warn(error);
    }
  }

  /** Gets new tokens, one tab at a time; whoever calls meanwhile waits for the same ones. Fails if there are none. */
  function refresh(): Promise<void> {
    const locks = store && webLocks();
    refreshing ??= (async () => {
      try {
        await (locks ? locks.request("psd.refresh", renew) : renew());
      } finally {
        refreshing = undefined;
        events.changed(false);
      }
    })();
    return refreshing;
  }

  async function renew(): Promise<void> {
    const old = tokens;
    if (isLeaving) return;
    // Another tab may have been faster, and a refresh token is perhaps good for one use; or somebody logged out there.
    if (store && old) {
      const kept = await store.load();
      if (tokens !== old) return;
      if (kept?.token !== old.token) return adopt(kept);
    }
    try {
      if (!old || !canRefresh()) throw new PsdError("signed-out", "the token is no longer valid, and nothing gets another");
      const got = options.refresh ? await options.refresh(old) : await events.refresh(old.refresh!);
      // Whoever logged in or out meanwhile goes first.
      if (tokens !== old) return;
      const next = typeof got === "string" ? { token: got } : got;
      const renewed = { token: next.token, refresh: next.refresh || old.refresh };
      adopt(renewed);
      await save(renewed);
      if (!options.refresh) events.changed(true);
    } catch (error) {
      if (!old || tokens !== old) throw error;
      if (error instanceof PsdError && error.kind === "signed-out") {
        adopt(undefined, true, error);
        await save(undefined);
      } else {
        stopTimer?.();
        stopTimer = timer(AGAIN, () => refresh().catch(() => {}));
      }
      throw error;
    }
  }

  async function setTokens(next: Tokens | undefined, known = false): Promise<void> {
    adopt(next);
    events.changed(known);
    await save(next);
  }

  return {
    ...state,
    /** Resolves when the token store has answered. */
    ready,
    get token() {
      return tokens?.token;
    },
    refreshToken: () => tokens?.refresh,
    /** Whom messages are kept for. */
    user: () => user,
    isRefreshing: () => refreshing !== undefined,
    canRefresh,
    /** Whether the token has expired or is about to. */
    isDue: () => Date.now() >= due,
    refresh,
    setTokens,
    /** Forgets the tokens, when `farewell` is done with them. */
    async leave(farewell: () => Promise<unknown>): Promise<void> {
      // A refresh that is under way comes to nothing, and no other one begins.
      isLeaving = true;
      tokens &&= { ...tokens };
      try {
        // Other tabs first, so that they do not take the end of the session for a loss.
        await save(undefined);
        await farewell();
      } finally {
        isLeaving = false;
        await setTokens(undefined);
      }
    },
    stop: () => stopTimer?.(),
  };
}

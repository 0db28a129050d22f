/** What proves who somebody is. */
export interface Tokens {
  /** The access token, which requests carry. */
  readonly token: string;
  /** The refresh token, by which the next access token is got. */
  readonly refresh?: string | undefined;
}

/** Where tokens are kept between visits. */
export interface TokenStore {
  load(): Tokens | undefined | Promise<Tokens | undefined>;
  save(tokens: Tokens | undefined): void | Promise<void>;
  /** Tells of changes that others made, such as other tabs. */
  subscribe?(listener: (tokens: Tokens | undefined) => void): () => void;
}

/** What a client reads of a JWT. It verifies nothing: that is the server's part. */
export interface Claims {
  readonly exp?: number;
  readonly sub?: string;
  readonly user_id?: string | number;
  readonly [claim: string]: unknown;
}

/** The claims of a JWT; none if the token is not one. */
export function claims(token: string): Claims {
  try {
    const payload = token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}

/** Tokens in `localStorage`, shared by the tabs of a site. Scripts of the page can read them there. */
export function localTokens(key = "psd.tokens"): TokenStore {
  const parse = (text: string | null): Tokens | undefined => {
    try {
      const tokens = JSON.parse(text!);
      if (typeof tokens?.token === "string") return tokens;
    } catch {}
  };
  return {
    load: () => parse(globalThis.localStorage?.getItem(key)),
    save: (tokens) => globalThis.localStorage?.setItem(key, JSON.stringify(tokens ?? null)),
    subscribe(listener) {
      const changed = (event: StorageEvent) => {
        // Without a key, everything was removed.
        if (event.key === key || event.key === null) listener(parse(event.newValue));
      };
      globalThis.window?.addEventListener("storage", changed);
      return () => globalThis.window?.removeEventListener("storage", changed);
    },
  };
}

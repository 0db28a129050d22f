import { createContext, createElement, useContext, useEffect, useSyncExternalStore, type ReactNode } from "react";
import type { AuthState, Client, ClientAuth, ConnectionState, Store } from "../index.js";

const Context = createContext<Client | undefined>(undefined);

/** Gives a client to the hooks below it, and connects it once the page is shown; never on a server. */
export function PsdProvider({ client, children }: { client: Client; children?: ReactNode }) {
  // It stays connected when this goes: it belongs to whoever made it, and StrictMode comes and goes twice.
  useEffect(() => client.connect(), [client]);
  return createElement(Context.Provider, { value: client }, children);
}

/** The client of the nearest {@link PsdProvider}. */
export function useClient(): Client {
  const client = useContext(Context);
  if (!client) throw new Error("there is no psd client here: put a <PsdProvider client={…}> around the application");
  return client;
}

/** What a store holds; `server` is used where pages are rendered on a server. */
export function useStore<T>(store: Store<T>, server?: T): T {
  return useSyncExternalStore(store.subscribe, store.getSnapshot, server === undefined ? store.getSnapshot : () => server);
}

const IDLE: ConnectionState = { status: "idle" };
const LOADING: AuthState = { status: "loading" };

/** Where the connection stands. */
export function useConnection(): ConnectionState {
  return useStore(useClient().connection, IDLE);
}

/** Who is signed in, and what changes it. */
export function useAuth(): AuthState & Pick<ClientAuth, "login" | "logout" | "setTokens"> {
  const { auth } = useClient();
  const { login, logout, setTokens } = auth;
  return { ...useStore(auth, LOADING), login, logout, setTokens };
}

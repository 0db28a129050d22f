import { createClient, localTokens } from "@psd/client";

import { contract } from "./messages";

/** The one connection of this page. It stays signed in over reloads, in every tab of the browser. */
export const client = createClient({ url: "/ws", contract, auth: { store: localTokens("chat.tokens") }, database: "chat" });

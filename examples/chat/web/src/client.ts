import { createClient, localTokens } from "@psd/client";
import { createUploads } from "@psd/client/upload";

import { contract } from "./messages";

/** The one connection of this page. It stays signed in over reloads, in every tab of the browser. */
export const client = createClient({ url: "/ws", contract, auth: { store: localTokens("chat.tokens") }, database: "chat" });

/** Files on their way. Those that are done stay until their message is sent, over reloads too. */
export const uploads = createUploads(client, { keepDone: true });

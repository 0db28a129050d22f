// Rendering on a server: the hooks say that nothing is there yet, and nothing is opened.

import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
import { createClient } from "../../src/index.js";
import { PsdProvider, useAuth, useConnection, useFetch, useMessage, useMessages, useOutbox, useSend, useUpload } from "../../src/react/index.js";
import { createUploads, type Uploads } from "../../src/upload/index.js";
import { Board, Post, Posted, Watch } from "../board/messages/index.js";

let uploads: Uploads;

function Page() {
  const shown = {
    connection: useConnection().status,
    auth: useAuth().status,
    messages: useMessages(Posted, { initialFromCache: true }).length,
    message: useMessage(Posted) ?? null,
    fetching: useFetch(Watch, { board: "a" }, Board).isFetching,
    sending: useSend(Post).isSending,
    outbox: useOutbox(Post).entries.length,
    uploads: useUpload(uploads).uploads.length,
  };
  return <>{JSON.stringify(shown)}</>;
}

test("pages are rendered on a server", async () => {
  let opened = 0;
  class WebSocket {
    constructor() {
      opened++;
    }
  }
  const client = createClient({ url: "/ws", WebSocket: WebSocket as never });
  const fetched: unknown[] = [];
  uploads = createUploads(client, { fetch: async (...request) => (fetched.push(request), Response.error()) });
  await client.auth.ready;
  const html = renderToString(
    <PsdProvider client={client}>
      <Page />
    </PsdProvider>,
  );
  expect(JSON.parse(html.replaceAll("&quot;", '"'))).toEqual({
    connection: "idle",
    auth: "loading",
    messages: 0,
    message: null,
    fetching: true,
    sending: false,
    outbox: 0,
    uploads: 0,
  });
  expect(fetched).toEqual([]);
  expect(opened).toBe(0);
  expect(client.connection.getSnapshot()).toEqual({ status: "idle" });
});

test("without a provider the error says what to do", () => {
  expect(() => renderToString(<Page />)).toThrow("put a <PsdProvider client={…}> around the application");
});

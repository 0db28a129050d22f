// A list of uploads as an application would write it, on the hook; options come with the address.

import { StrictMode, version } from "react";
import { createRoot } from "react-dom/client";
import * as psd from "../../src/index.js";
import { PsdProvider, useAuth, useUpload } from "../../src/react/index.js";
import { createUploads } from "../../src/upload/index.js";
import { contract, Post } from "../board/messages/index.js";

const asked = new URLSearchParams(location.search);
const number = (name: string) => (asked.has(name) ? { [name]: Number(asked.get(name)) } : {});

const client = psd.createClient({ url: asked.get("server")!, contract, auth: { store: psd.localTokens() } });
const endpoint = asked.get("server")!.replace("ws:", "http:").replace("/ws", "/uploads");
const uploads = createUploads(client, { endpoint, chunkSize: 128 * 1024, keepDone: asked.has("keepDone"), ...number("maxStoredBytes"), ...number("parallel") });
/** Says something as long as uploads are under way; how often that was answered. */
async function chat(): Promise<number> {
  for (let count = 0; ; count++) {
    if (!uploads.getSnapshot().some(({ status }) => status.state === "uploading")) return count;
    await client.send(Post, { board: "a", text: String(count) });
  }
}
Object.assign(window, { client, uploads, chat, react: version });
const via = asked.has("socket") ? "socket" : "http";

function App() {
  const auth = useAuth();
  const all = useUpload(uploads, { via, metadata: { page: "a" }, filter: { page: "a" } });
  const others = useUpload(uploads, { filter: { page: "b" } });
  Object.assign(window, { all });
  return (
    <>
      <p id="auth">{auth.status}</p>
      <input type="file" id="files" multiple onChange={({ target }) => [...target.files!].forEach((file) => void all.upload(file))} />
      <ul id="uploads">
        {all.uploads.map(({ id, name, sent, total, status }) => (
          <li key={id} data-id={id} data-name={name} data-state={status.state} data-sent={sent}>
            {name} {status.state === "failed" ? status.error.message : `${sent} of ${total}`}
            {status.state === "done" && <a href={new URL(status.file.url, asked.get("server")!.replace("ws", "http")).href}>{status.file.id}</a>}
          </li>
        ))}
      </ul>
      <p id="others">{others.uploads.length}</p>
    </>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <PsdProvider client={client}>
      <App />
    </PsdProvider>
  </StrictMode>,
);

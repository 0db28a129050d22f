// A board of notes as an application would write it, on the hooks; and the client itself, for tests that go below them.

import { StrictMode, useMemo } from "react";
import { createRoot } from "react-dom/client";
import * as psd from "../../src/index.js";
import { PsdProvider, useAuth, useConnection, useFetch, useMessages, useOutbox, useSend } from "../../src/react/index.js";
import { Board, contract, Post, Posted, Watch } from "../board/messages/index.js";
import * as board from "../board/messages/index.js";

const BOARD = "a";
const address = new URLSearchParams(location.search).get("server")!;

const client = psd.createClient({ url: address, contract, auth: { store: psd.localTokens() } });
Object.assign(window, { psd, board, client });

function App() {
  const connection = useConnection();
  const auth = useAuth();
  return (
    <>
      <p id="status">{connection.status}</p>
      <p id="auth">{auth.status}</p>
      {auth.status === "signed-in" && <Notes />}
    </>
  );
}

function Notes() {
  const { data } = useFetch(Watch, { board: BOARD }, Board);
  const live = useMessages(Posted, { filter: { board: BOARD }, initialFromCache: true });
  const count = useMessages(Posted, { select: length });
  const { entries } = useOutbox(Post);
  const { send, isSending } = useSend(Post);
  Object.assign(window, { say: (text: string) => void send({ board: BOARD, text }) });

  const notes = useMemo(() => {
    const all = new Map([...live, ...(data?.notes ?? [])].map((note) => [note.noteId, note]));
    return [...all.values()];
  }, [data, live]);
  return (
    <>
      <p id="sending">{isSending ? "sending" : "idle"}</p>
      <p id="live">{count}</p>
      <ul id="notes">{notes.map((note) => <li key={note.noteId}>{note.text}</li>)}</ul>
      <ul id="outbox">{entries.map((entry) => <li key={entry.uuid} data-state={entry.status.state}>{entry.value?.text}</li>)}</ul>
    </>
  );
}

function length(list: readonly unknown[]): number {
  return list.length;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <PsdProvider client={client}>
      <App />
    </PsdProvider>
  </StrictMode>,
);

import { createClient, localTokens } from "@psd/client";
import { PsdProvider, useConnection, useMessages, useSend } from "@psd/client/react";
import { queryOptions } from "@psd/client/tanstack";
import { SocketApi } from "@psd/client/compat";
import { createRoot } from "react-dom/client";
import { Board, contract, Post, Posted, Watch } from "./messages";
import { proto } from "./messages/compat";

const client = createClient({ url: "/ws", contract, auth: { store: localTokens() } });

function App() {
  const { status } = useConnection();
  const notes = useMessages(Posted, { filter: { board: "a" }, initialFromCache: true });
  const { send } = useSend(Post);
  return (
    <button onClick={() => send({ board: "a", text: "hi" })}>
      {status} {notes.length}
    </button>
  );
}

createRoot(document.getElementById("root")!).render(
  <PsdProvider client={client}>
    <App />
  </PsdProvider>,
);

export const query = queryOptions(client, Watch, { board: "a" }, Board);
export const old = () => new SocketApi("/ws").sendMessage(proto.TxPost.create({ text: "hi" }), { ack: true });

import { message, type MessageType } from "../../src/codec/index.js";
export interface Post { board: string; text: string }
export const Post: MessageType<Post, "post", "client"> = /* @__PURE__ */ message({ name: "board.Post", type: "post", origin: "client", cache: 86400 }, () => ({ board: "", text: "" }), [["board", 1, "string"], ["text", 2, "string"]]);
export interface Posted { board: string; noteId: string; author: string; text: string; number: bigint; retryCount: number }
export const Posted: MessageType<Posted, "posted", "server"> = /* @__PURE__ */ message({ name: "board.Posted", type: "posted", origin: "server", cache: 604800, keys: { text: ["board", "note_id"] } }, () => ({ board: "", noteId: "", author: "", text: "", number: 0n, retryCount: 0 }), [["board", 1, "string"], ["note_id", 2, "string"], ["author", 3, "string"], ["text", 4, "string"], ["number", 5, "int64"], ["retry_count", 6, "uint32"]]);
export interface Watch { board: string }
export const Watch: MessageType<Watch, "watch", "client"> = /* @__PURE__ */ message({ name: "board.Watch", type: "watch", origin: "client" }, () => ({ board: "" }), [["board", 1, "string"]]);
export interface Board { notes: Posted[] }
export const Board: MessageType<Board, "board", "server"> = /* @__PURE__ */ message({ name: "board.Board", type: "board", origin: "server" }, () => ({ notes: [] }), [["notes", 1, "message[]", () => Posted]]);
export interface SetDraft { board: string; text: string }
export const SetDraft: MessageType<SetDraft, "set-draft", "client"> = /* @__PURE__ */ message({ name: "board.SetDraft", type: "set-draft", origin: "client", cache: 3600, keys: { text: ["board"] } }, () => ({ board: "", text: "" }), [["board", 1, "string"], ["text", 2, "string"]]);
export interface WhoAmI {}
export const WhoAmI: MessageType<WhoAmI, "who-am-i", "client"> = /* @__PURE__ */ message({ name: "board.WhoAmI", type: "who-am-i", origin: "client", auth: false }, () => ({}), []);
export interface You { name: string; connections: bigint }
export const You: MessageType<You, "you", "server"> = /* @__PURE__ */ message({ name: "board.You", type: "you", origin: "server" }, () => ({ name: "", connections: 0n }), [["name", 1, "string"], ["connections", 2, "int64"]]);
export interface Wait { ms: number }
export const Wait: MessageType<Wait, "wait", "client"> = /* @__PURE__ */ message({ name: "board.Wait", type: "wait", origin: "client", auth: false }, () => ({ ms: 0 }), [["ms", 1, "uint32"]]);
export interface Waited { cancelled: bigint }
export const Waited: MessageType<Waited, "waited", "server"> = /* @__PURE__ */ message({ name: "board.Waited", type: "waited", origin: "server" }, () => ({ cancelled: 0n }), [["cancelled", 1, "int64"]]);
export interface Fail { code: number; text: string }
export const Fail: MessageType<Fail, "fail", "client"> = /* @__PURE__ */ message({ name: "board.Fail", type: "fail", origin: "client", auth: false }, () => ({ code: 0, text: "" }), [["code", 1, "int32"], ["text", 2, "string"]]);
export interface Ignore {}
export const Ignore: MessageType<Ignore, "ignore", "client"> = /* @__PURE__ */ message({ name: "board.Ignore", type: "ignore", origin: "client", auth: false }, () => ({}), []);

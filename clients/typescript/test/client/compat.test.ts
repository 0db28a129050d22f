// The interface of the original client against a real server; nothing of it touches the new one.

import WebSocket from "ws";
import { afterEach, beforeEach, expect, expectTypeOf, test } from "vitest";
import { SocketApi, SocketApiAckStatus, SocketApiTxStatus } from "../../src/compat/index.js";
import { proto } from "../board/messages/compat.js";
import { eventually, TestServer } from "../server.js";

let server: TestServer;
let api: SocketApi;
beforeEach(async () => {
  server = await TestServer.start();
  api = new SocketApi(server.url, { WebSocket });
});
afterEach(async () => {
  api.client.close();
  await server.close();
});

test("messages are classes", () => {
  expect(proto.TxPost.type).toBe("post");
  expect(proto.RxPosted.type).toBe("posted");
  const note = proto.TxPost.create({ text: "hi" });
  expectTypeOf(note).toEqualTypeOf<proto.TxPost>();
  expect(note).toBeInstanceOf(proto.TxPost);
  expect(note.proto).toEqual({ board: "", text: "hi" });
  expect(note.data).toEqual({ text: "hi" });
  expect(note.messageType).toBe("post");
  expect(new proto.RxPosted().proto.text).toBe("");
  expect(new proto.RxPosted().fromMessage(new proto.RxPosted().message)).toBeInstanceOf(proto.RxPosted);
});

test("a login and a guarded call on the same connection", async () => {
  const changes: boolean[] = [];
  api.authenticatedChanges.subscribe((value) => changes.push(value));
  const login = await api.fetch(proto.TxLogin.create({ username: "ann", password: "ann" }), new proto.RxLoginToken());
  expect(api.authenticated).toBe(false);
  api.setAuth(login.proto.token);
  await api.whenAuthenticated;
  const you = await api.fetch(proto.TxWhoAmI.create({}), new proto.RxYou());
  expectTypeOf(you).toEqualTypeOf<proto.RxYou>();
  expect(you).toBeInstanceOf(proto.RxYou);
  expect(you.proto.name).toBe("ann");
  expect(you.message.body).toMatchObject({ name: "ann" });
  api.setAuth(null);
  await eventually(
    () => api.fetch(proto.TxWhoAmI.create({}), new proto.RxYou()).catch(() => you),
    ({ proto: { name } }) => name === "",
  );
  expect(changes).toEqual([true, false]);
});

test("how a message ended", async () => {
  await api.connection.whenConnected;
  expect(await api.sendMessage(proto.TxIgnore.create({}), { ack: true })).toEqual(new SocketApiTxStatus(SocketApiAckStatus.success));
  const refused = new SocketApiTxStatus(SocketApiAckStatus.messageError, "no", 7);
  expect(await api.sendMessage(proto.TxFail.create({ text: "no", code: 7 }), { ack: true })).toEqual(refused);
  await expect(api.fetch(proto.TxFail.create({ text: "no", code: 7 }), new proto.RxYou())).rejects.toEqual(refused);
  // In classic, a reply may come after the ack: what never comes is a timeout.
  await expect(api.fetch(proto.TxIgnore.create({}), new proto.RxYou(), { timeoutMs: 100 })).rejects.toMatchObject({ status: SocketApiAckStatus.timeout });
  expect(await api.sendMessage(proto.TxPost.create({ text: "x" }), { ack: true })).toMatchObject({ status: SocketApiAckStatus.messageError, error: 401 });
  await server.kill();
  await eventually(() => api.connection.connected, (connected) => !connected);
  expect(await api.sendMessage(proto.TxIgnore.create({}), { waitConnected: false })).toMatchObject({ status: SocketApiAckStatus.connectionError });
  await server.start();
  await api.connection.whenConnected;
});

test("handlers of what comes and what goes", async () => {
  const login = await api.fetch(proto.TxLogin.create({ username: "bob", password: "bob" }), new proto.RxLoginToken());
  api.setAuth(login.proto.token);
  api.setMessages(proto.rxMessages);
  const heard: string[] = [];
  const subscription = api.getMessageHandler(new proto.RxPosted()).subscribe((message) => heard.push(message.proto.text));
  const acks: string[] = [];
  api.getMessageHandler(new proto.RxAck()).subscribe({ next: (message) => acks.push(message.proto.uuid) });
  const sent: string[] = [];
  api.getTxMessageHandler(proto.TxPost.create({})).subscribe((message) => sent.push(message.proto.text));
  await api.fetch(proto.TxWatch.create({ board: "a" }), new proto.RxBoard());
  await api.sendMessage(proto.TxPost.create({ board: "a", text: "one" }), { ack: true, instanceUuid: "mine" });
  expect(sent).toEqual(["one"]);
  expect(heard).toEqual(["one"]);
  expect(acks).toContain("mine");

  const local = new proto.RxPosted();
  local.proto.text = "local";
  api.sendLocalUpdate(local);
  expect(heard).toEqual(["one", "local"]);

  expect(() => api.getTxMessageHandler(proto.TxPost.create({}), { intercept: true })).toThrow("intercept mismatch");
  api.removeTxMessageHandler(proto.TxPost.create({}));
  api.getTxMessageHandler(proto.TxPost.create({}), { intercept: true });
  expect((await api.sendMessage(proto.TxPost.create({ board: "a", text: "kept back" }), { ack: true })).status).toBe(SocketApiAckStatus.success);
  expect(server.notes("a")).toEqual(["one"]);

  subscription.unsubscribe();
  api.sendLocalUpdate(local);
  expect(heard).toEqual(["one", "local"]);
});

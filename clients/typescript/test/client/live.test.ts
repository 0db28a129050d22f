// The client against a real server, in Node with the WebSocket of the package `ws`.

import WebSocket from "ws";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createClient, memoryStorage, PsdError, type Client, type ClientOptions, type Dialect } from "../../src/index.js";
import { Board, contract, Fail, Ignore, Post, Posted, SetDraft, Wait, Waited, Watch, WhoAmI, You } from "../board/messages/index.js";
import { eventually, TestServer } from "../server.js";

let server: TestServer;
let clients: Client[];

beforeEach(async () => {
  server = await TestServer.start();
  clients = [];
});
afterEach(async () => {
  clients.forEach((client) => client.close());
  await server.close();
});

function connect(options: Partial<ClientOptions> = {}): Client {
  const warnings = (warning: unknown) => {
    throw warning;
  };
  const client = createClient({ url: server.url, contract, WebSocket, onWarning: warnings, ...options });
  clients.push(client);
  return client;
}

const isOpen = (client: Client) => eventually(() => client.connection.getSnapshot(), ({ status }) => status === "open");
const failure = (promise: Promise<unknown>): Promise<PsdError> => promise.then(() => expect.fail("it succeeded"), (error) => error);

/** As if the server spoke JSON only. */
class JsonOnly extends WebSocket {
  constructor(url: string, protocols?: string[]) {
    super(url, protocols?.filter((protocol) => protocol !== "psd.v1.proto"));
  }
}

describe.each<[Dialect, Partial<ClientOptions>]>([
  ["psd.v1.proto", {}],
  ["psd.v1.json", { dialect: "psd.v1.json" }],
  ["psd.v1.json", { WebSocket: JsonOnly }],
  ["classic", { dialect: "classic" }],
])("over %s with %o", (dialect, options) => {
  test("requests, replies, pushes and refusals", async () => {
    const client = connect(options);
    expect(client.connection.getSnapshot()).toEqual({ status: "idle" });
    expect((await client.fetch(WhoAmI, {}, You)).name).toBe("");
    expect(client.connection.getSnapshot()).toMatchObject({ status: "open", dialect });

    await client.auth.login("ann", "ann");
    expect(client.auth.getSnapshot()).toMatchObject({ status: "signed-in", user: "1" });
    expect((await client.fetch(WhoAmI, {}, You)).name).toBe("ann");

    const pushed: string[] = [];
    client.on(Posted, ({ text }) => pushed.push(text));
    expect(await client.fetch(Watch, { board: "a" }, Board)).toEqual({ notes: [] });
    await client.send(Post, { board: "a", text: "one" });
    await client.send(Post, { board: "a", text: "two" }, { outbox: false });
    await eventually(() => pushed, ({ length }) => length === 2);
    expect(pushed).toEqual(["one", "two"]);
    expect((await client.fetch(Watch, { board: "a" }, Board)).notes.map(({ number }) => number)).toEqual([1n, 2n]);

    const refused = await failure(client.send(Fail, { code: 422, text: "no" }));
    expect(refused).toBeInstanceOf(PsdError);
    expect(refused).toMatchObject({ kind: "refused", code: 422, message: "no" });
    const login = await failure(client.auth.login("ann", "wrong"));
    expect(login).toMatchObject({ kind: "refused", cause: { errorCode: "login-error" } });
  });
});

test("a server that speaks classic only is found at the second try", async () => {
  // This one refuses every handshake with an offer, as browsers do when the answer names none.
  class Strict extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(protocols ? "ws://127.0.0.1:9" : url);
    }
  }
  const client = connect({ WebSocket: Strict });
  expect((await client.fetch(WhoAmI, {}, You)).name).toBe("");
  expect(client.connection.getSnapshot()).toMatchObject({ dialect: "classic" });
});

test("timeouts, aborted requests and missing replies", async () => {
  const client = connect();
  expect(await failure(client.fetch(Wait, { ms: 600_000 }, Waited, { timeout: 50 }))).toMatchObject({ kind: expect.stringMatching("timeout|refused") });
  const abort = new AbortController();
  const waiting = failure(client.fetch(Wait, { ms: 600_000 }, Waited, { signal: abort.signal, timeout: Infinity }));
  abort.abort("changed my mind");
  expect(await waiting).toMatchObject({ kind: "aborted", cause: "changed my mind" });
  // Both were dropped by the server, or this would wait for them.
  expect((await client.fetch(Wait, { ms: 0 }, Waited)).cancelled).toBeGreaterThan(0n);
  expect(await failure(client.fetch(Ignore, {}, You))).toMatchObject({ kind: "no-reply" });
});

test("a server that is killed in the middle of a conversation", async () => {
  const client = connect();
  const seen = new Map<string, string>();
  const errors: unknown[] = [];
  const look = async () => {
    if (client.connection.getSnapshot().status !== "open") return;
    // What was posted meanwhile comes by asking again: that is how an application catches up.
    await client.fetch(Watch, { board: "a" }, Board, { retry: true }).then(
      ({ notes }) => notes.forEach(({ noteId, text }) => seen.set(noteId, text)),
      (error) => errors.push(error),
    );
  };
  client.on(Posted, ({ noteId, text }) => seen.set(noteId, text));
  await client.auth.login("ann", "ann");
  client.connection.subscribe(look);
  await look();

  const said: string[] = [];
  const deliveries: Promise<void>[] = [];
  const say = (text: string) => {
    said.push(text);
    deliveries.push(client.send(Post, { board: "a", text }));
  };
  for (let count = 0; count < 20; count++) say(`before ${count}`);
  await deliveries[3];
  const waiting = failure(client.fetch(Wait, { ms: 600_000 }, Waited, { timeout: Infinity }));
  await server.kill();
  for (let count = 0; count < 20; count++) say(`meanwhile ${count}`);
  expect(await waiting).toMatchObject({ kind: "disconnected" });
  await eventually(() => client.connection.getSnapshot(), ({ status }) => status === "waiting");
  await server.start();
  for (let count = 0; count < 5; count++) say(`after ${count}`);
  await Promise.all(deliveries);

  expect(server.notes("a")).toEqual(said);
  await eventually(() => seen.size, (size) => size === said.length);
  expect([...seen.values()].sort()).toEqual([...said].sort());
  expect(client.outbox.getSnapshot()).toEqual([]);
  expect(errors).toEqual([]);
});

test("a server that stops says when to come back", async () => {
  const client = connect();
  await client.fetch(WhoAmI, {}, You);
  const states: string[] = [];
  client.connection.subscribe(() => states.push(client.connection.getSnapshot().status));
  await server.stop();
  await eventually(() => states, (states) => states.includes("waiting"));
  expect(states.slice(0, 2)).toEqual(["draining", "waiting"]);
  await server.start();
  await isOpen(client);
});

test("an end that forbids to come back", async () => {
  const client = connect();
  const kicked = failure(client.send(Fail, { code: 4403, text: "out" }));
  expect(await kicked).toMatchObject({ kind: "disconnected", code: 4403 });
  expect(client.connection.getSnapshot()).toMatchObject({ status: "closed", reason: { code: 4403 } });
  expect(await failure(client.fetch(WhoAmI, {}, You))).toMatchObject({ code: 4403 });
  client.connect();
  expect((await client.fetch(WhoAmI, {}, You)).name).toBe("");
});

test("a message that the server refuses stays to be looked at", async () => {
  const client = connect();
  await client.auth.login("ann", "ann");
  const delivery = client.send(Post, { board: "a", text: "" });
  expect(await failure(delivery)).toMatchObject({ kind: "refused", code: 422 });
  expect(delivery.getSnapshot()).toMatchObject({ state: "failed", retries: 0, error: { code: 422 } });
  expect(client.outbox.getSnapshot()).toMatchObject([{ uuid: delivery.uuid, type: "post", value: { board: "a" }, status: { state: "failed" } }]);
  client.outbox.retry(delivery.uuid);
  await eventually(() => client.outbox.getSnapshot()[0]?.status, (status) => status?.state === "failed" && status.retries === 1);
  client.outbox.discard(delivery.uuid);
  expect(client.outbox.getSnapshot()).toEqual([]);
});

test("a reload with a full outbox, and a second user", async () => {
  const storage = memoryStorage();
  const before = connect({ storage });
  await before.auth.login("ann", "ann");
  await server.kill();
  const texts = Array.from({ length: 10 }, (_, count) => `note ${count}`);
  texts.forEach((text) => void before.send(Post, { board: "a", text }));
  void before.send(SetDraft, { board: "d", text: "old" });
  void before.send(SetDraft, { board: "d", text: "new" });
  const token = before.auth.token!;
  await eventually(() => before.outbox.getSnapshot(), ({ length }) => length === 11);
  // Once the last one is stored.
  await eventually(() => storage('outbox"1"'), ({ length }) => length === 11);
  before.close();

  await server.start();
  const bob = connect({ storage });
  await bob.auth.login("bob", "bob");
  expect(bob.outbox.getSnapshot()).toEqual([]);
  bob.close();

  const after = connect({ storage, auth: { token } });
  after.connect();
  await eventually(() => [...server.notes("a"), ...server.notes("d")], ({ length }) => length === 11);
  await eventually(() => after.outbox.getSnapshot(), ({ length }) => length === 0);
  expect(server.notes("a")).toEqual(texts);
  expect(server.notes("d")).toEqual(["new"]);
  expect(await storage('outbox"1"')).toEqual([]);
});

test("what cannot be kept is refused, and what waited too long is given up", async () => {
  await server.kill();
  const client = connect({ outbox: { maxMessages: 2 }, auth: { token: "x" } });
  const brief = { ...Post, cache: 0.001 };
  const expired = failure(client.send(brief, { board: "a", text: "late" }));
  void client.send(Post, { board: "a", text: "kept" });
  expect(await failure(client.send(Post, { board: "a", text: "too much" }))).toMatchObject({ kind: "full" });
  const abort = new AbortController();
  client.outbox.discard(client.outbox.getSnapshot()[1]!.uuid);
  const withdrawn = failure(client.send(Post, { board: "a", text: "withdrawn" }, { signal: abort.signal }));
  abort.abort();
  expect(await withdrawn).toMatchObject({ kind: "aborted" });
  await client.auth.setTokens(undefined);
  await server.start();
  expect(await expired).toMatchObject({ kind: "expired" });
  expect(server.notes("a")).toEqual([]);
});

test("a token that ends while the client is connected", async () => {
  await server.close();
  server = await TestServer.start({ accessMs: 2000 });
  const client = connect();
  const states: string[] = [];
  client.auth.subscribe(() => states.push(client.auth.getSnapshot().status));
  const watcher = connect();
  const pushed: string[] = [];
  watcher.on(Posted, ({ text }) => pushed.push(text));
  await watcher.auth.login("bob", "bob");
  await watcher.fetch(Watch, { board: "a" }, Board);
  await client.auth.login("ann", "ann");
  const tokens = new Set<string>();
  const said: string[] = [];
  // Posts all the time, over several lives of a token.
  while (tokens.size < 4) {
    tokens.add(client.auth.token!);
    const text = `note ${said.length}`;
    said.push(text);
    await client.send(Post, { board: "a", text });
    expect((await client.fetch(WhoAmI, {}, You)).name).toBe("ann");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(states).toEqual(["anonymous", "signed-in"]);
  expect(server.notes("a")).toEqual(said);
  await eventually(() => pushed.length, (length) => length === said.length);
  expect(pushed).toEqual(said);
});

test("one refresh for all who wait, and the end where none is possible", async () => {
  const good = connect();
  await good.auth.login("ann", "ann");
  let asked = 0;
  const refresh = async () => {
    asked++;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return good.auth.token!;
  };
  const client = connect({ auth: { token: "nonsense", refresh } });
  const names = await Promise.all(Array.from({ length: 10 }, () => client.fetch(Watch, { board: "a" }, Board)));
  expect(names).toHaveLength(10);
  expect(asked).toBe(1);

  // One whose end is known is replaced before the connection is opened.
  const ended = `x.${btoa(JSON.stringify({ exp: 1 }))}.x`;
  const early = connect({ auth: { token: ended, refresh } });
  const states: string[] = [];
  early.auth.subscribe(() => states.push(early.auth.getSnapshot().status));
  expect((await early.fetch(WhoAmI, {}, You)).name).toBe("ann");
  expect(asked).toBe(2);
  expect(states).toEqual(["signed-in", "signed-in"]);

  const lost = connect({ auth: { token: "nonsense" } });
  lost.connect();
  await eventually(() => lost.auth.getSnapshot(), ({ status }) => status === "signed-out");
  expect(lost.auth.token).toBeUndefined();
  expect(await failure(lost.fetch(Watch, { board: "a" }, Board))).toMatchObject({ kind: "refused", code: 401 });
  await lost.auth.login("bob", "bob");
  expect((await lost.fetch(WhoAmI, {}, You)).name).toBe("bob");
});

test("logging out forgets everything, on the server too", async () => {
  const storage = memoryStorage();
  const client = connect({ storage });
  await client.auth.login("ann", "ann");
  const posted = new Promise((resolve) => client.on(Posted, resolve));
  await client.fetch(Watch, { board: "a" }, Board);
  await client.send(Post, { board: "a", text: "kept" });
  await posted;
  expect(await client.cache.query(Posted, { board: "a" })).toMatchObject([{ text: "kept" }]);
  expect(await client.cache.query(Posted, { board: "b" })).toEqual([]);
  await client.auth.logout();
  expect(client.auth.getSnapshot()).toEqual({ status: "anonymous" });
  expect((await client.fetch(WhoAmI, {}, You)).name).toBe("");
  await client.auth.login("ann", "ann");
  expect(await client.cache.query(Posted)).toEqual([]);
});

// Connecting, reconnecting and giving up, in time that the test turns.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { asksToSpread, delay, isFinal } from "../../src/backoff.js";
import { create, toBinary, type Init } from "../../src/codec/index.js";
import { Envelope, Headers, RequestResult } from "../../src/common/index.js";
import { createClient, type Client, type Dialect, type Tokens, type TokenStore } from "../../src/index.js";
import "../../src/text.js";
import { contract, Ignore, Post, Posted, WhoAmI, You } from "../board/messages/index.js";
import { fakeSockets, type FakeSocket } from "./fake.js";

let sockets: FakeSocket[];
let client: Client;
let warnings: unknown[];
const state = () => client.connection.getSnapshot();
const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
const last = () => sockets.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  const fake = fakeSockets();
  sockets = fake.sockets;
  warnings = [];
  client = createClient({ url: "ws://here/ws", contract, WebSocket: fake.WebSocket, onWarning: (warning) => warnings.push(warning) });
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const envelope = (headers: Init<Headers>, body: Uint8Array) => toBinary(Envelope, create(Envelope, { headers, body }));

/** Takes the last attempt in a dialect; what reads JSON is loaded by then. */
async function take(dialect?: Dialect): Promise<FakeSocket> {
  last().open(dialect);
  await vi.dynamicImportSettled();
  return last();
}

async function open(dialect?: Dialect): Promise<FakeSocket> {
  client.connect();
  await pass(0);
  return take(dialect);
}

test("the waits between attempts", () => {
  const waits = [0, 1, 2, 3, 5, 6, 2000].map((failures) => [delay(failures, 0), delay(failures, 1)]);
  expect(waits).toEqual([[0, 250], [500, 1000], [500, 2000], [500, 4000], [500, 16_000], [500, 20_000], [500, 20_000]]);
});

test("what codes mean", () => {
  expect([1000, 1006, 4399, 4400, 4401, 4403, 4404, 4408].map(isFinal)).toEqual([false, false, false, true, true, true, false, false]);
  expect([1001, 1006, 1012, 4413, 4429].map(asksToSpread)).toEqual([true, false, true, true, true]);
});

test("nothing is done until somebody asks", async () => {
  await pass(100_000);
  expect(state()).toEqual({ status: "idle" });
  expect(sockets).toEqual([]);
});

test("the first retry is quick, and those after it take longer and longer", async () => {
  client.connect();
  await pass(0);
  expect(state()).toEqual({ status: "connecting", attempt: 1 });
  const waits: number[] = [];
  for (let attempt = 0; attempt < 8; attempt++) {
    const count = sockets.length;
    const since = Date.now();
    last().end();
    expect(state()).toMatchObject({ status: "waiting", attempt: attempt + 2, reason: { kind: "disconnected", code: 1006 } });
    while (sockets.length === count) await pass(1);
    waits.push(Date.now() - since);
  }
  expect(waits).toEqual([250, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
  // Every second attempt is without an offer, since a server may speak classic only.
  expect(sockets.map(({ offer }) => offer.length)).toEqual([2, 0, 2, 0, 2, 0, 2, 0, 2]);
});

test("a connection that held begins anew, one that did not goes on waiting", async () => {
  const first = await open();
  await pass(1000);
  first.end();
  await pass(250);
  last().open();
  last().end();
  expect(state()).toMatchObject({ status: "waiting", attempt: 3 });
  await pass(1000);
  last().open();
  await pass(6000);
  last().end();
  expect(state()).toMatchObject({ status: "waiting", attempt: 2 });
  // A server that spoke v1 once is not asked for classic.
  expect(sockets.map(({ offer }) => offer.length)).toEqual([2, 2, 2]);
});

test("a server that restarts gets no quick retry", async () => {
  const socket = await open();
  await pass(6000);
  socket.end(1012);
  await pass(499);
  expect(sockets).toHaveLength(1);
  await pass(501);
  expect(sockets).toHaveLength(2);
});

test("an attempt that nobody answers ends", async () => {
  client.connect();
  await pass(10_000);
  expect(sockets[0]!.closed).toBe(true);
  expect(state()).toMatchObject({ status: "waiting" });
});

describe.each<Dialect>(["psd.v1.proto", "psd.v1.json"])("in %s", (dialect) => {
  test("a drain is obeyed: no requests, and no return before its time", async () => {
    const socket = await open(dialect);
    socket.push({ messageType: "psd.drain" }, { reconnectAfterMs: 30_000, reason: "an update" });
    expect(state()).toEqual({ status: "draining", until: Date.now() + 30_000, reason: "an update" });
    const kept = client.send(Ignore, {}, { timeout: Infinity });
    expect(socket.types).toEqual([]);
    await pass(1000);
    socket.end(1012);
    await pass(28_999);
    expect(sockets).toHaveLength(1);
    await pass(1);
    await take(dialect);
    expect(last().types).toEqual(["ignore"]);
    last().answer();
    await kept;
  });

  test("heartbeats, and a server that falls silent", async () => {
    const socket = await open(dialect);
    await pass(18_750);
    expect(socket.types).toEqual(["psd.heartbeat"]);
    socket.push({ messageType: "posted" });
    await pass(18_750 * 2);
    expect(state()).toMatchObject({ status: "open" });
    await pass(18_750);
    expect(state()).toMatchObject({ status: "waiting", reason: { message: expect.stringContaining("silent") } });
    expect(socket.closed).toBe(true);
  });

  test("requests are numbered, and carry what is left of their time", async () => {
    client.connect();
    const told = client.fetch(WhoAmI, {}, You, { timeout: 5000, uuid: "u" });
    await pass(1000);
    await take(dialect);
    expect(last().sent).toMatchObject([{ headers: { messageType: "who-am-i", uuid: "u", ack: true, deadlineMs: 4000 }, seq: 1 }]);
    last().answer({}, "you", { name: "ann" });
    expect(await told).toMatchObject({ name: "ann" });
  });

  test("requests fail with the connection, unless they may be repeated", async () => {
    const socket = await open(dialect);
    const failed = client.send(Ignore).catch((error) => error);
    const repeated = client.fetch(WhoAmI, {}, You, { retry: true });
    socket.end();
    expect(await failed).toMatchObject({ kind: "disconnected", code: 1006 });
    await pass(250);
    await take(dialect);
    expect(last().sent).toMatchObject([{ headers: { messageType: "who-am-i", retryCount: 1, uuid: socket.sent[1].headers.uuid } }]);
    last().answer({}, "you");
    await repeated;
  });

  test("a connection that breaks is followed by one of the same", async () => {
    const first = await open(dialect);
    expect(first.offer).toEqual(["psd.v1.proto", "psd.v1.json"]);
    expect(state()).toEqual({ status: "open", dialect, connectionId: "1" });
    first.end();
    await pass(250);
    // A server that spoke v1 once is not asked for classic.
    expect(last().offer).toEqual(first.offer);
    await take(dialect);
    expect(state()).toMatchObject({ status: "open", dialect });
  });
});

describe("a server that speaks JSON only", () => {
  test("is heard from its first word on, in order, while what reads it is loaded", async () => {
    const heard: string[] = [];
    client.on(You, ({ name }) => heard.push(name));
    const sent = client.send(Ignore, {}, { uuid: "u" });
    await pass(0);
    const socket = last();
    socket.open("psd.v1.json");
    for (const name of ["ann", "bob", "eve"]) socket.push({ messageType: "you" }, { name });
    expect([state().status, heard, socket.sent]).toEqual(["connecting", [], []]);
    await vi.dynamicImportSettled();
    expect([state().status, heard, socket.types]).toEqual(["open", ["ann", "bob", "eve"], ["ignore"]]);
    socket.answer();
    await sent;
  });

  test("may not say too much before that", async () => {
    client.connect();
    await pass(0);
    const socket = last();
    socket.open("psd.v1.json");
    for (let count = 0; count < 1000; count++) socket.push({ messageType: "you" });
    expect(socket.closed).toBe(true);
    await vi.dynamicImportSettled();
    expect(state()).toMatchObject({ status: "waiting", reason: { message: expect.stringContaining("too much") } });
  });

  test("that answers with what was not offered is no server", async () => {
    client.connect();
    await pass(0);
    await take("psd.v9" as Dialect);
    expect(state()).toMatchObject({ status: "waiting", reason: { message: expect.stringContaining("none of psd.v1.proto, psd.v1.json") } });
  });
});

test.each([4400, 4401, 4403])("%i forbids to come back by oneself", async (code) => {
  const socket = await open();
  const lost = client.send(Ignore).catch((error) => error);
  socket.end(code, "go");
  expect(state()).toMatchObject({ status: "closed", reason: { code } });
  expect(await lost).toMatchObject({ kind: "disconnected", code });
  await pass(100_000);
  expect(sockets).toHaveLength(1);
  client.connect();
  await pass(0);
  expect(sockets).toHaveLength(2);
});

test("4401 is over when there is another token", async () => {
  const socket = await open();
  socket.end(4401);
  await client.auth.setTokens({ token: "abc" });
  await pass(0);
  expect(last().offer).toContain("psd.token.abc");
});

test("a refused token without another is the end of it, but not while there is a grace, nor for nobody", async () => {
  const socket = await open();
  const status = () => client.auth.getSnapshot().status;
  socket.push({ messageType: "token-invalid" });
  await pass(0);
  expect(status()).toBe("anonymous");
  await client.auth.setTokens({ token: "abc" });
  socket.push({ messageType: "token-invalid" }, { graceMs: 25_000 });
  await pass(0);
  expect(status()).toBe("signed-in");
  socket.push({ messageType: "token-invalid" });
  await pass(0);
  expect(client.auth.getSnapshot()).toMatchObject({ status: "signed-out", reason: { kind: "signed-out" } });
  // Only another connection is nobody's.
  expect(sockets).toHaveLength(2);
});

test("a token that may not stand in the handshake comes with the first request", async () => {
  await client.auth.setTokens({ token: "a b" });
  const socket = await open();
  expect(socket.offer).toEqual(["psd.v1.proto", "psd.v1.json"]);
  expect(socket.sent.map(({ headers }) => [headers.messageType, headers.authHeader])).toEqual([["verify-token", "a b"]]);
  void client.send(Ignore).catch(() => {});
  expect(socket.sent[1].headers.authHeader).toBeUndefined();
});

test("an address that is none, and no WebSocket", async () => {
  const bad = createClient({ url: "http://[", WebSocket: fakeSockets().WebSocket });
  bad.connect();
  await pass(0);
  expect(bad.connection.getSnapshot()).toMatchObject({ status: "closed", reason: { message: expect.stringContaining("cannot connect") } });
});

describe("requests", () => {
  test("that were never sent say so", async () => {
    const failed = client.send(Ignore, {}, { timeout: 100 }).catch((error) => error);
    await pass(100);
    expect(await failed).toMatchObject({ kind: "disconnected" });
  });

  test("over the server's limit are refused here", async () => {
    const socket = await open();
    expect(await client.send(Post, { text: "x".repeat(2000) }, { outbox: false }).catch((error) => error)).toMatchObject({ kind: "too-large" });
    expect(await client.send(Post, { text: "x".repeat(2000) }).catch((error) => error)).toMatchObject({ kind: "too-large" });
    expect(socket.sent).toEqual([]);
    // The next one has the number that these did not take.
    void client.send(Ignore).catch(() => {});
    expect(socket.sent[0].seq).toBe(1);
  });

  test("end once: late answers, and those of strangers, mean nothing", async () => {
    const socket = await open();
    const told = client.fetch(WhoAmI, {}, You);
    socket.push({ messageType: "you", uuid: "another" }, { name: "bob" });
    socket.answer({}, "you", { name: "ann" });
    socket.answer({ errorMessage: "too late" });
    expect(await told).toMatchObject({ name: "ann" });
    expect(warnings).toEqual([]);
  });

  test("what cannot be read is reported, and takes nothing else with it", async () => {
    const socket = await open();
    const heard: string[] = [];
    client.on(You, ({ name }) => heard.push(name));
    const told = client.fetch(WhoAmI, {}, You).catch((error) => error);
    // A frame that ends too early, a body that is none, and an envelope that is none before one that is.
    socket.onmessage?.({ data: new Uint8Array([5, 1]).buffer });
    const { uuid } = socket.sent.at(-1).headers;
    socket.deliver(envelope({ messageType: "you", uuid, result: create(RequestResult) }, new Uint8Array([10, 9])));
    expect(await told).toMatchObject({ kind: "unreadable" });
    socket.deliver(new Uint8Array([7]), envelope({ messageType: "you" }, toBinary(You, create(You, { name: "ann" }))));
    expect(heard).toEqual(["ann"]);
    expect(warnings).toHaveLength(3);
  });
});

test("the outbox sends in order and one at a time, and again with the same uuid", async () => {
  const socket = await open();
  const deliveries = ["one", "two"].map((text) => client.send(Post, { text }));
  const [first, second] = deliveries.map(({ uuid }) => uuid);
  await pass(0);
  expect(deliveries.map((delivery) => delivery.getSnapshot())).toEqual([
    { state: "sending", retries: 0 },
    { state: "queued", retries: 0 },
  ]);
  const sent = (of: FakeSocket) => of.sent.map(({ headers: { uuid, retryCount = 0, ack } }) => [uuid, retryCount, ack]);
  expect(sent(socket)).toEqual([[first, 0, true]]);
  // The server may have acted: its ack is lost.
  socket.end();
  await pass(250);
  last().open();
  await pass(0);
  expect(deliveries[0]!.getSnapshot()).toEqual({ state: "sending", retries: 1 });
  last().answer({ errorMessage: "busy", errorCode: 503 });
  await pass(0);
  expect(deliveries[0]!.getSnapshot()).toEqual({ state: "queued", retries: 2 });
  await pass(1000);
  last().answer();
  await pass(0);
  last().answer();
  await Promise.all(deliveries);
  expect(sent(last())).toEqual([[first, 1, true], [first, 2, true], [second, 0, true]]);
  expect(client.outbox.getSnapshot()).toEqual([]);
});

test("a listener that throws keeps no other from hearing", async () => {
  const socket = await open();
  const heard: string[] = [];
  const uncaught: unknown[] = [];
  vi.spyOn(globalThis, "queueMicrotask").mockImplementation((run) => {
    try {
      run();
    } catch (error) {
      uncaught.push(error);
    }
  });
  client.on(You, () => {
    throw new Error("mine");
  });
  const stop = client.on(You, ({ name }, { uuid, isLocal }) => heard.push(`${name} ${uuid} ${isLocal}`));
  socket.push({ messageType: "you" }, { name: "ann" });
  client.emit(You, { name: "bob" });
  stop();
  socket.push({ messageType: "you" }, { name: "eve" });
  expect(heard).toEqual(["ann undefined false", "bob undefined true"]);
  expect(uncaught).toHaveLength(3);
});

describe("logging out", () => {
  const claims = (claims: object) => `x.${btoa(JSON.stringify(claims)).replace(/=/g, "")}.x`;
  const token = claims({ user_id: 1 });
  let kept: Tokens | undefined;
  let tell: (tokens: Tokens | undefined) => void;
  const store: TokenStore = {
    load: () => kept,
    save: (tokens) => void (kept = tokens),
    subscribe: (listener) => {
      tell = listener;
      return () => {};
    },
  };

  beforeEach(() => {
    kept = { token, refresh: "r" };
    const fake = fakeSockets();
    sockets = fake.sockets;
    client = createClient({ url: "ws://here/ws", contract, auth: { store }, WebSocket: fake.WebSocket, onWarning: (warning) => warnings.push(warning) });
  });

  test("in another tab is no loss, even where this one hears of its token's end first", async () => {
    const socket = await open();
    socket.push({ messageType: "token-invalid" });
    await pass(0);
    expect(socket.types).toEqual(["refresh-token"]);
    socket.answer({}, "refresh-token-invalid");
    await pass(0);
    expect(client.auth.getSnapshot()).toMatchObject({ status: "signed-out" });
    tell(undefined);
    expect(client.auth.getSnapshot()).toEqual({ status: "anonymous" });
  });

  test("comes to an end even where somebody's warning throws", async () => {
    vi.spyOn(warnings, "push").mockImplementation((warning) => {
      throw warning;
    });
    const socket = await open();
    const left = client.auth.logout().catch((error) => error);
    await pass(0);
    socket.answer({ errorMessage: "busy", errorCode: 503 });
    expect(await left).toMatchObject({ kind: "refused", code: 503 });
    expect(client.auth.getSnapshot()).toEqual({ status: "anonymous" });
    await client.auth.setTokens({ token, refresh: "r" });
    void client.auth.refresh().catch(() => {});
    await pass(0);
    await take();
    expect(last().types).toContain("refresh-token");
  });

  test.each(["token-invalid", "nothing"])("is not disturbed by a refresh (%s)", async (news) => {
    const socket = await open();
    await client.cache.put(Posted, create(Posted, { board: "a", noteId: "1" }));
    const refreshed = news === "nothing" && client.auth.refresh();
    await pass(0);
    const left = client.auth.logout();
    await pass(0);
    expect(kept).toBeUndefined();
    expect(socket.types.at(-1)).toBe("revoke-token");
    const { uuid } = socket.sent.at(-1).headers;
    // The server has ended the session; or a refresh that was under way is answered now.
    if (refreshed) socket.push({ messageType: "login-token", uuid: socket.sent[0].headers.uuid, result: {} }, { token: claims({ user_id: 2 }), refresh: "s" });
    else socket.push({ messageType: "token-invalid" });
    await pass(0);
    expect([client.auth.getSnapshot().status, sockets.length, kept]).toEqual(["signed-in", 1, undefined]);
    socket.push({ messageType: "ack", uuid, result: {} });
    await left;
    await refreshed;
    expect(client.auth.getSnapshot()).toEqual({ status: "anonymous" });
    expect([kept, warnings]).toEqual([undefined, []]);
    await client.auth.setTokens({ token });
    expect(await client.cache.query(Posted)).toEqual([]);
    await pass(0);
    expect(sockets).toHaveLength(2);
  });
});

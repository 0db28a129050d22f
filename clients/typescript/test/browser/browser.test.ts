// The client and its hooks in a real browser, against a real server that comes and goes.

import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually, TestServer } from "../server.js";
import { launch, Site, Tab } from "./browser.js";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

describe.each([
  ["React 19", ""],
  ["React 18", "18"],
])("with %s", (_, suffix) => {
  let site: Site;
  let server: TestServer;
  let context: BrowserContext;
  let tabs: Tab[];

  beforeAll(async () => {
    site = await Site.start(suffix);
  });
  afterAll(() => site.close());
  beforeEach(async () => {
    server = await TestServer.start();
    context = await browser.newContext();
    tabs = [];
  });
  afterEach(async () => {
    const mistakes = tabs.flatMap((tab) => tab.mistakes);
    await context.close();
    await server.close();
    expect(mistakes).toEqual([]);
  });

  async function open(in_ = context): Promise<Tab> {
    const tab = await Tab.open(in_, site.address(server));
    tabs.push(tab);
    return tab;
  }

  test("two people, one of whom reloads", async () => {
    const ann = await open();
    await ann.login("ann");
    const bobs = await browser.newContext();
    const bob = await open(bobs);
    await bob.login("bob");
    await ann.say("one", "two");
    await bob.notes(({ length }) => length === 2);
    await bob.say("three");
    const all = ["one", "two", "three"];
    expect(await ann.notes(({ length }) => length === 3)).toEqual(all);
    expect(await ann.text("#live")).toBe("3");
    await ann.outbox(({ length }) => length === 0);
    // The tokens were kept, and nothing is there twice: from the cache, from the server and as it comes.
    await ann.page.reload();
    expect(await ann.notes(({ length }) => length === 3)).toEqual(all);
    await bob.say("four");
    expect(await ann.notes(({ length }) => length === 4)).toEqual([...all, "four"]);
    await bobs.close();
  });

  test("reload with a full outbox while the server is down", async () => {
    const tab = await open();
    await tab.login("ann");
    await tab.say("before");
    await tab.notes(({ length }) => length === 1);
    await server.kill();
    await tab.status((status) => status === "waiting");
    const said = Array.from({ length: 20 }, (_, count) => `note ${count}`);
    await tab.say(...said);
    await eventually(() => tab.rows("outbox"), (rows) => rows === 20);
    await tab.page.reload();
    // What was there before is there at once, and what waits, too.
    expect(await tab.notes(({ length }) => length === 1)).toEqual(["before"]);
    expect(await tab.outbox(({ length }) => length === 20)).toEqual(said);
    await server.start();
    await tab.outbox(({ length }) => length === 0);
    expect(server.notes("a")).toEqual(["before", ...said]);
    expect(await tab.notes(({ length }) => length === 21)).toEqual(["before", ...said]);
    await eventually(() => tab.rows("outbox"), (rows) => rows === 0);
  });

  test("a server that is killed again and again in the middle of a conversation", async () => {
    const tab = await open();
    await tab.login("ann");
    const said: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let count = 0; count < 10; count++) said.push(`${round}.${count}`);
      await tab.say(...said.slice(-10));
      // Somewhere in the middle.
      await eventually(() => server.notes("a"), ({ length }) => length > said.length - 8);
      await server.kill();
      await tab.status((status) => status === "waiting" || status === "connecting");
      await server.start();
    }
    await tab.outbox(({ length }) => length === 0);
    expect(server.notes("a")).toEqual(said);
    const seen = await tab.notes(({ length }) => length === said.length);
    expect([...seen].sort()).toEqual([...said].sort());
  });

  test("offline and online again", async () => {
    const tab = await open();
    await tab.login("ann");
    await tab.say("before");
    await tab.notes(({ length }) => length === 1);
    await context.setOffline(true);
    await server.kill();
    await tab.status((status) => status === "waiting");
    await tab.say("offline");
    await server.start();
    await context.setOffline(false);
    await tab.status((status) => status === "open");
    expect(await tab.notes(({ length }) => length === 2)).toEqual(["before", "offline"]);
    expect(server.notes("a")).toEqual(["before", "offline"]);
  });

  test("two tabs, one of which is closed with messages that wait", async () => {
    const first = await open();
    await first.login("ann");
    const second = await open();
    await second.notes(() => true);
    await server.kill();
    for (const tab of [first, second]) await tab.status((status) => status === "waiting");
    await first.say("a1", "a2", "a3");
    await second.say("b1", "b2", "b3");
    await eventually(() => first.rows("outbox"), (rows) => rows === 6);
    // A third tab sees who is alive, and takes nothing from them.
    const third = await open();
    await third.outbox(({ length }) => length === 0);
    await second.page.close();
    // One of the others has taken over what the closed one left.
    await eventually(
      async () => (await Promise.all([first, third].map((tab) => tab.outbox(() => true)))).flat(),
      ({ length }) => length === 6,
    );
    await server.start();
    for (const tab of [first, third]) await tab.outbox(({ length }) => length === 0);
    const notes = server.notes("a");
    expect([...notes].sort()).toEqual(["a1", "a2", "a3", "b1", "b2", "b3"]);
    expect(notes.filter((text) => text.startsWith("a"))).toEqual(["a1", "a2", "a3"]);
    expect(notes.filter((text) => text.startsWith("b"))).toEqual(["b1", "b2", "b3"]);
    for (const tab of [first, third]) await tab.notes(({ length }) => length === 6);
  });

  test("tokens that end, shared by two tabs, and a logout", async () => {
    await server.close();
    server = await TestServer.start({ accessMs: 2000 });
    const first = await open();
    await first.login("ann");
    const second = await open();
    const token = () => first.page.evaluate(() => (window as any).client.auth.token as string);
    const tokens = new Set<string>();
    const said: string[] = [];
    while (tokens.size < 3) {
      tokens.add(await token());
      const text = `note ${said.length}`;
      said.push(text);
      await (said.length % 2 ? first : second).say(text);
      await first.notes(({ length }) => length === said.length);
      await second.notes(({ length }) => length === said.length);
    }
    expect(server.notes("a")).toEqual(said);
    expect(await first.text("#auth")).toBe("signed-in");
    // What is seen is kept a moment later.
    await eventually(() => first.rows("cache"), (rows) => rows === said.length);
    await first.page.evaluate(() => (window as any).client.auth.logout());
    for (const tab of [first, second]) await eventually(() => tab.text("#auth"), (text) => text === "anonymous");
    expect(await first.rows("cache")).toBe(0);
  });
});

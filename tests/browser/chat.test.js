import assert from "node:assert/strict";
import { describe } from "node:test";
import { chatTests, enter, eventually, fillIn, messages, people, say, screenshot, signIn, TELEPHONE } from "./chat.js";

const chatIt = chatTests();

describe("two windows", () => {
  chatIt("exchange messages", {}, async (open) => {
    const [ann, bob] = [await open("Ann Lee"), await open("bob", { colorScheme: "dark" })];
    await people(ann, (names) => names.join() === "Ann Lee (you),bob");
    await people(bob, (names) => names.join() === "Ann Lee,bob (you)");

    await say(ann, "Good morning! Has anyone looked at the release notes?");
    await messages(bob, (texts) => texts.length === 1);
    await say(bob, "Half of them: https://example.org/notes.");
    await say(bob, "The rest is for after lunch,\nI am afraid.");
    const expected = [
      "Good morning! Has anyone looked at the release notes?",
      "Half of them: https://example.org/notes.",
      "The rest is for after lunch,\nI am afraid.",
    ];
    for (const page of [ann, bob]) {
      assert.deepEqual(await messages(page, (texts) => texts.length === 3), expected);
      assert.deepEqual(await page.locator(".message .author").allTextContents(), ["Ann Lee", "bob"], "one head for two in a row");
      assert.deepEqual(await page.locator(".day").allTextContents(), ["Today"]);
    }
    assert.equal(await ann.getByRole("link").getAttribute("href"), "https://example.org/notes");
    await screenshot(ann, "two-windows-light");
    await screenshot(bob, "two-windows-dark");
  });

  chatIt("see who comes and goes", {}, async (open) => {
    const [ann, bob] = [await open("Ann"), await open("Bob")];
    await people(ann, (names) => names.length === 2);
    await bob.close();
    await people(ann, (names) => names.join() === "Ann (you)");
  });

  chatIt("of one browser are one person", {}, async (open, chat) => {
    const one = await open("Ann");
    const two = await one.context().newPage();
    await two.goto(chat.url);
    await say(two, "from the second");
    await messages(one, (texts) => texts.join() === "from the second");
    assert.deepEqual(await people(one, (names) => names.length > 0), ["Ann (you)"]);
    await two.getByRole("button", { name: "Sign out" }).click();
    await one.getByRole("button", { name: "Sign in" }).waitFor();
    await signIn(one, "ann");
    assert.deepEqual(await people(one, (names) => names.length > 0), ["Ann (you)"]);
  });

  chatIt("survive a restart of the server, and so does what was said meanwhile", { keeps: true }, async (open, chat) => {
    const [ann, bob] = [await open("Ann"), await open("Bob", { colorScheme: "dark" })];
    await say(ann, "before");
    await messages(bob, (texts) => texts.length === 1);

    await chat.stop();
    await ann.getByText("The connection is lost.").waitFor();
    await bob.getByText("The connection is lost.").waitFor();
    await say(bob, "meanwhile");
    await bob.locator(".message.pending").waitFor();
    await screenshot(bob, "connection-lost-dark");

    await chat.start();
    for (const page of [ann, bob]) {
      assert.deepEqual(await messages(page, (texts) => texts.length === 2), ["before", "meanwhile"]);
      await page.locator("#banner").waitFor({ state: "hidden" });
      await people(page, (names) => names.length === 2);
    }
    await say(ann, "after");
    assert.deepEqual(await messages(bob, (texts) => texts.length === 3), ["before", "meanwhile", "after"]);
    assert.equal(await bob.locator(".message.pending").count(), 0);
  });
});

describe("a window", () => {
  chatIt("shows who is typing, and how far a message has come", {}, async (open) => {
    const [ann, bob] = [await open("Ann"), await open("Bob")];
    await people(ann, (names) => names.length === 2);
    await bob.getByLabel("Message", { exact: true }).fill("well");
    await ann.getByText("Bob is typing…").waitFor();
    await screenshot(ann, "typing");
    await bob.getByLabel("Message", { exact: true }).press("Enter");
    await messages(ann, (texts) => texts.join() === "well");
    await ann.getByText("Bob is typing…").waitFor({ state: "detached" });
    await bob.getByTitle("Sent", { exact: true }).waitFor();
    assert.equal(await ann.locator(".tick").count(), 0, "only one's own messages have one");
  });

  chatIt("that is loaded again without a connection shows what it knew, and sends what was not sent", {}, async (open) => {
    const bob = await open("Bob");
    const ann = await open("Ann");
    await say(ann, "before");
    await messages(ann, (texts) => texts.length === 1);

    let isCut = true;
    await ann.context().routeWebSocket("**/ws", (socket) => { if (!isCut) socket.connectToServer(); });
    await ann.reload();
    assert.deepEqual(await messages(ann, (texts) => texts.length === 1), ["before"]);
    await ann.getByText("Connecting…").waitFor();
    await say(ann, "meanwhile");
    await ann.getByTitle("Sending", { exact: true }).waitFor();
    await screenshot(ann, "without-a-connection");

    await ann.reload();
    await ann.locator(".message.pending").waitFor();
    isCut = false;
    await ann.reload();
    for (const page of [ann, bob]) {
      assert.deepEqual(await messages(page, (texts) => texts.length === 2), ["before", "meanwhile"]);
    }
    await eventually(() => ann.getByTitle("Sent", { exact: true }).count(), (count) => count === 2);
  });
});

describe("what people type", () => {
  chatIt("is text and nothing else", {}, async (open) => {
    const attack = `<img src=x onerror="window.hit=1"><script>window.hit=1</script><b>bold</b> javascript:window.hit=1`;
    const name = `<i onclick=hit=1>Eve</i>`;
    const [ann, eve] = [await open("Ann"), await open(name)];
    await say(eve, attack);
    await eve.getByRole("button", { name: "New room" }).click();
    await eve.getByLabel("Name", { exact: true }).fill("<u>Room</u>");
    await eve.getByRole("button", { name: "Make it" }).click();
    await eve.getByRole("heading", { name: "<u>Room</u>" }).waitFor();
    await say(eve, attack);

    await ann.getByRole("button", { name: "<u>Room</u>" }).click();
    for (const page of [ann, eve]) {
      assert.deepEqual(await messages(page, (texts) => texts.length === 1), [attack]);
      assert.deepEqual(await page.locator(".author").allTextContents(), [name]);
      assert.equal(await page.locator("#messages :is(img, script, b, i), #room-list :is(img, b, i, u), #people i, h1 u").count(), 0);
      assert.equal(await page.evaluate(() => window.hit), undefined);
    }
    await people(ann, (names) => names.includes(name));
    await screenshot(ann, "attack-is-text");
  });

  chatIt("may be refused, and they are told", {}, async (open) => {
    const ann = await open("Ann");
    const other = await open(null);
    await fillIn(other, "ann", "wrong horse");
    await other.getByLabel("Password").press("Enter");
    await other.getByText("Invalid login details.").waitFor();
    await other.getByRole("button", { name: "Make an account" }).click();
    await fillIn(other, "ann", "short");
    await other.getByRole("button", { name: "Make the account" }).click();
    await other.getByText("Please take at least 8 characters.").waitFor();
    await fillIn(other, "ann");
    await other.getByRole("button", { name: "Make the account" }).click();
    await other.getByText("Somebody is called ann already: take another name.").waitFor();
    await screenshot(other, "name-refused");
    await fillIn(other, "");
    await other.getByRole("button", { name: "Make the account" }).click();
    await other.getByText("Please type a name.").waitFor();
    await fillIn(other, "Bea");
    await other.getByRole("button", { name: "Make the account" }).click();
    await other.locator("#room-list li").first().waitFor();

    await ann.getByLabel("Message", { exact: true }).evaluate((text) => text.removeAttribute("maxlength"));
    await say(ann, "x".repeat(4001));
    await ann.getByText("Not sent: the message is longer than 4000 characters").waitFor();
    await ann.getByRole("button", { name: "Try again" }).click();
    await ann.getByRole("button", { name: "Discard" }).click();
    await ann.getByText("Nothing was said in #General yet").waitFor();

    await ann.getByRole("button", { name: "New room" }).click();
    await ann.getByLabel("Name", { exact: true }).fill("general");
    await ann.keyboard.press("Enter");
    await ann.getByText("There is a room called general already.").waitFor();
    await screenshot(ann, "room-refused");
    await ann.keyboard.press("Escape");
    await ann.locator("dialog").waitFor({ state: "hidden" });
  });
});

describe("rooms", () => {
  chatIt("leave what is typed alone as their list comes", {}, async (open) => {
    const ann = await open("Ann");
    await ann.addInitScript(() => {
      const composers = (window.composers = new Set());
      new MutationObserver(() => composers.add(document.getElementById("composer"))).observe(document, { childList: true, subtree: true });
    });
    // The list is held back until somebody types.
    let letThrough;
    const typed = new Promise((resolve) => { letThrough = resolve; });
    await ann.routeWebSocket("**/ws", (socket) => {
      const server = socket.connectToServer();
      let turn = Promise.resolve();
      server.onMessage((frame) => {
        if (frame.includes("rooms")) turn = turn.then(() => typed);
        turn = turn.then(() => socket.send(frame));
      });
    });
    await ann.reload();
    await ann.getByLabel("Message", { exact: true }).pressSequentially("before and ");
    assert.equal(await ann.locator("#room-list li").count(), 0);
    letThrough();
    await ann.locator("#room-list li").first().waitFor();
    await ann.keyboard.type("after");
    await ann.keyboard.press("Enter");
    await messages(ann, (texts) => texts.join() === "before and after");
    assert.equal(await ann.evaluate(() => [...window.composers].filter(Boolean).length), 1, "the same field all the time");
  });

  chatIt("show what is new in them", {}, async (open) => {
    const [ann, bob] = [await open("Ann"), await open("Bob")];
    await ann.getByRole("button", { name: "New room" }).click();
    await ann.getByLabel("Name", { exact: true }).fill("Kitchen");
    await ann.getByRole("button", { name: "Make it" }).click();
    await ann.getByRole("heading", { name: "Kitchen" }).waitFor();
    await people(ann, (names) => names.join() === "Ann (you)");
    await people(bob, (names) => names.join() === "Bob (you)");

    await say(ann, "coffee is ready");
    const kitchen = bob.getByRole("button", { name: "Kitchen" });
    await bob.locator("#room-list .unread").waitFor();
    await eventually(() => bob.title(), (title) => title === "(1) General · Chat");
    assert.match(await kitchen.textContent(), /Ann: coffee is ready.*unread/);
    assert.deepEqual(await messages(bob, () => true), []);

    await kitchen.click();
    await messages(bob, (texts) => texts.join() === "coffee is ready");
    await people(bob, (names) => names.length === 2);
    await bob.locator("#room-list .unread").waitFor({ state: "detached" });
    await bob.goBack();
    await bob.getByRole("heading", { name: "General" }).waitFor();
    await bob.reload();
    await bob.getByRole("heading", { name: "General" }).waitFor();
    assert.equal(await bob.locator("#room-list .unread").count(), 0, "what was seen stays seen");
  });

  chatIt("have a history that comes as one scrolls up", {}, async (open) => {
    const ann = await open("Ann");
    for (let number = 1; number <= 120; number++) await say(ann, `number ${number}`);
    await messages(ann, (texts) => texts.length === 120);
    const bob = await open("Bob");
    await messages(bob, (texts) => texts.length === 50 && texts.at(-1) === "number 120");
    const scroller = bob.getByRole("log");
    assert.ok(await scroller.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 2), "it begins at the end");

    await bob.getByLabel("Message", { exact: true }).fill("a\nlong\nmessage\nof\nmany\nlines");
    await eventually(() => bob.getByRole("log").evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight), (rest) => rest < 2);
    await bob.getByLabel("Message", { exact: true }).fill("");

    const top = bob.getByText("number 71", { exact: true });
    await top.scrollIntoViewIfNeeded();
    await messages(bob, (texts) => texts.length > 50);
    assert.ok(await top.evaluate((text) => text.getBoundingClientRect().top >= 0), "what is read stays in sight");
    await scroller.evaluate((log) => { log.scrollTop = 0; });
    const all = await messages(bob, (texts) => texts.length === 120);
    assert.deepEqual(all, Array.from({ length: 120 }, (_, index) => `number ${index + 1}`));

    await scroller.evaluate((log) => { log.scrollTop = 0; });
    await bob.getByText("This is where #General begins.").waitFor();
    await say(ann, "news");
    await bob.getByRole("button", { name: "New messages" }).click();
    await bob.getByText("news", { exact: true }).last().waitFor();
    await bob.getByRole("button", { name: "New messages" }).waitFor({ state: "hidden" });
  });

  chatIt("keep a draft each, and are found by their address", {}, async (open) => {
    const ann = await open("Ann");
    await ann.getByRole("button", { name: "New room" }).click();
    await ann.getByLabel("Name", { exact: true }).fill("Tea & cake");
    await ann.keyboard.press("Enter");
    await ann.getByRole("heading", { name: "Tea & cake" }).waitFor();
    await ann.getByLabel("Message", { exact: true }).fill("half a thought");
    await ann.getByRole("button", { name: "General" }).click();
    assert.equal(await ann.getByLabel("Message", { exact: true }).inputValue(), "");
    await ann.getByRole("button", { name: "Tea & cake" }).click();
    assert.equal(await ann.getByLabel("Message", { exact: true }).inputValue(), "half a thought");
    await ann.keyboard.type(", and the rest");
    assert.equal(await ann.getByLabel("Message", { exact: true }).inputValue(), "half a thought, and the rest");

    const bob = await open("Bob", { address: "/#Tea%20%26%20cake" });
    await bob.getByRole("heading", { name: "Tea & cake" }).waitFor();
  });
});

describe("a person", () => {
  chatIt("whom the server has forgotten signs in again", {}, async (open, chat) => {
    const ann = await open("Ann");
    await chat.stop();
    await chat.start();
    await ann.getByText("You are signed out: please sign in again.").waitFor();
    await enter(ann, "Ann");
    await people(ann, (names) => names.join() === "Ann (you)");
  });

  chatIt("on a telephone has everything within reach", {}, async (open) => {
    const ann = await open("Ann", TELEPHONE);
    const bob = await open("Bob", { ...TELEPHONE, colorScheme: "dark" });
    await say(bob, "on my way");
    await messages(ann, (texts) => texts.length === 1);
    await screenshot(ann, "telephone-light");
    await screenshot(bob, "telephone-dark");

    await ann.getByRole("button", { name: "Rooms" }).click();
    await ann.getByRole("navigation", { name: "Rooms" }).getByRole("button", { name: "New room" }).waitFor();
    await screenshot(ann, "telephone-rooms");
    await ann.keyboard.press("Escape");
    await ann.getByRole("navigation", { name: "Rooms" }).waitFor({ state: "hidden" });
    assert.equal(await ann.evaluate(() => document.activeElement.id), "to-rooms");

    await bob.getByRole("button", { name: "people are here" }).click();
    assert.deepEqual(await people(bob, (names) => names.length === 2), ["Ann", "Bob (you)"]);
    await screenshot(bob, "telephone-people-dark");
    await bob.getByRole("button", { name: "Close the list of people" }).click();
    await bob.getByLabel("Message", { exact: true }).fill("there");
    await bob.getByRole("button", { name: "Send" }).click();
    await messages(ann, (texts) => texts.at(-1) === "there");
    assert.ok(await ann.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out");
  });
});

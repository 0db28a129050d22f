// What axe says of the page in its main states, in both colour schemes; and the chat without a mouse.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { chatTests, fillIn, enter, isAccessible, messages, PASSWORD, people, say, screenshot, TELEPHONE } from "./chat.js";

const chatIt = chatTests();
const PIXEL = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

for (const colorScheme of ["light", "dark"]) {
  describe(`axe finds nothing (${colorScheme})`, () => {
    chatIt("at the door", {}, async (open) => {
      const page = await open(null, { colorScheme });
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      await isAccessible(page, "signing in");
      await fillIn(page, "nobody", "wrong horse");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("Invalid login details.").waitFor();
      await isAccessible(page, "a login that was refused");
      await page.getByRole("button", { name: "Make an account" }).click();
      await isAccessible(page, "making an account");
      await screenshot(page, `door-${colorScheme}`);
    });

    chatIt("in a room", {}, async (open, chat) => {
      const [ann, bob] = [await open("Ann", { colorScheme }), await open("Bob")];
      await people(ann, (names) => names.length === 2);
      await isAccessible(ann, "an empty room");
      await say(bob, "Have a look: https://example.org/");
      await ann.locator("#files").setInputFiles([{ name: "dot.png", buffer: PIXEL, mimeType: "image/png" }, { name: "notes.txt", buffer: Buffer.from("notes"), mimeType: "text/plain" }]);
      await ann.locator("#tray > li.done").nth(1).waitFor();
      await isAccessible(ann, "files that are about to go");
      await say(ann, "with files");
      await messages(ann, (texts) => texts.length === 2);
      await ann.getByTitle("Sent", { exact: true }).first().waitFor();
      await bob.getByLabel("Message", { exact: true }).fill("well");
      await ann.getByText("Bob is typing…").waitFor();
      await isAccessible(ann, "messages, files, somebody who types");
      await ann.getByLabel("Message", { exact: true }).evaluate((text) => text.removeAttribute("maxlength"));
      await say(ann, "x".repeat(4001));
      await ann.getByText("Not sent:").waitFor();
      await isAccessible(ann, "a message that failed");
      await ann.getByRole("button", { name: "New room" }).click();
      await ann.keyboard.press("Enter");
      await ann.getByText("Please type a name.").waitFor();
      await isAccessible(ann, "a new room");
      await ann.keyboard.press("Escape");
      await chat.stop();
      await ann.getByText("The connection is lost.").waitFor();
      await say(ann, "meanwhile");
      await ann.locator(".message.pending").waitFor();
      await isAccessible(ann, "without a connection");
      await screenshot(ann, `without-a-connection-${colorScheme}`);
    });

    chatIt("on a telephone", {}, async (open) => {
      const ann = await open("Ann", { ...TELEPHONE, colorScheme });
      await say(ann, "on my way");
      await messages(ann, (texts) => texts.length === 1);
      await isAccessible(ann, "a room");
      await ann.getByRole("button", { name: "Rooms" }).click();
      await isAccessible(ann, "the rooms");
      await ann.keyboard.press("Escape");
      await ann.getByRole("button", { name: "people are here" }).click();
      await isAccessible(ann, "the people");
    });
  });
}

describe("without a mouse", () => {
  chatIt("one makes an account, a room, and says something in it", {}, async (open) => {
    const page = await open(null);
    const { keyboard } = page;
    const press = async (...keys) => {
      for (const key of keys) await keyboard.press(key);
    };
    const focused = () => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.id || document.activeElement.name);
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    // The name has the focus; behind the password come the button and the way to an account.
    await page.locator("[name=username]:focus").waitFor();
    await press("Tab", "Tab");
    if ((await focused()) !== "Make an account") await press("Tab");
    assert.equal(await focused(), "Make an account");
    await press("Enter");
    await page.getByRole("heading", { name: "Make an account" }).waitFor();
    await page.locator("[name=username]").focus();
    await keyboard.type("Ann");
    await press("Tab");
    await keyboard.type(PASSWORD);
    await press("Enter");
    // Whoever is in can type at once.
    await page.locator("#text:focus").waitFor();
    await keyboard.type("hello");
    await press("Enter");
    await messages(page, (texts) => texts.join() === "hello");

    await page.locator("#new-room").focus();
    await press("Enter");
    await page.locator("dialog input:focus").waitFor();
    await keyboard.type("Kitchen");
    await press("Enter");
    await page.getByRole("heading", { name: "Kitchen" }).waitFor();
    await page.locator("#text:focus").waitFor();
    await keyboard.type("coffee");
    await press("Enter");
    await messages(page, (texts) => texts.join() === "coffee");
    // Every stop on the way round is seen to have the focus.
    const stops = new Set();
    for (let stop = 0; stop < 20; stop++) {
      await press("Tab");
      const seen = await page.evaluate(() => {
        const element = document.activeElement;
        const { outlineStyle, boxShadow } = getComputedStyle(element);
        const around = getComputedStyle(element.closest("form") ?? element);
        return { name: element.id || element.title || element.textContent.trim(), isSeen: element === document.body || outlineStyle !== "none" || boxShadow !== "none" || around.outlineStyle !== "none" || around.boxShadow !== "none" };
      });
      stops.add(seen.name);
      assert.ok(seen.isSeen, `the focus on ${seen.name} is not seen`);
    }
    for (const stop of ["new-room", "sign-out", "scroller", "text"]) assert.ok(stops.has(stop), `${stop} is reached: ${[...stops].join()}`);
  });
});

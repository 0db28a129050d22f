// Pictures and files in the chat example.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe } from "node:test";
import { crc32, deflateSync } from "node:zlib";
import { chatTests, eventually, messages, people, screenshot, TELEPHONE } from "./chat.js";

const chatIt = chatTests();
const MIB = 1 << 20;

/** A picture of a landscape, more or less. */
function picture(width, height, hue = 0) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const hill = height * (0.62 + 0.16 * Math.sin((x / width) * 5 + hue));
      const sun = Math.hypot(x - width * 0.72, y - height * 0.3) < height * 0.11;
      const light = y / height;
      const colour = sun ? [255, 226, 150] : y > hill ? [40 + 50 * light, 90 + 40 * light, 70] : [150 + 90 * light, 170 + 40 * light, 220 - 40 * light];
      rows.set(colour, y * (1 + width * 3) + 1 + x * 3);
    }
  }
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

const file = (name, buffer, mimeType = "application/octet-stream") => ({ name, buffer, mimeType });
const attach = (page, ...files) => page.locator("#files").setInputFiles(files);
const tray = (page, test) => eventually(() => page.locator("#tray > li").evaluateAll((items) => items.map((item) => item.className)), test);
const areDone = (count) => (states) => states.length === count && states.every((state) => state === "done");
const send = (page) => page.getByRole("button", { name: "Send", exact: true }).click();

/** Does to a page's element what somebody does who pastes files, or drops them. */
function bring(page, selector, events, files) {
  const given = files.map(({ name, buffer, mimeType }) => ({ name, mimeType, base64: buffer.toString("base64") }));
  return page.locator(selector).evaluate(
    (element, [events, files]) => {
      const data = new DataTransfer();
      for (const { name, mimeType, base64 } of files) {
        data.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name, { type: mimeType }));
      }
      for (const event of events) {
        const options = { bubbles: true, cancelable: true };
        element.dispatchEvent(event === "paste" ? new ClipboardEvent(event, { ...options, clipboardData: data }) : new DragEvent(event, { ...options, dataTransfer: data }));
      }
    },
    [events, given],
  );
}

describe("people", () => {
  chatIt("share pictures and files, with and without words", { keeps: true }, async (open, chat) => {
    const [ann, bob] = [await open("Ann Lee"), await open("bob", { colorScheme: "dark" })];
    await people(ann, (names) => names.length === 2);
    const notes = Buffer.from("# Notes\n\nNothing much.\n");
    await attach(ann, file("hills.png", picture(900, 600), "image/png"), file("release notes.md", notes, "text/markdown"));
    await tray(ann, areDone(2));
    await ann.getByLabel("Description of hills.png").fill("Green hills under a low sun");
    await ann.getByLabel("Message", { exact: true }).fill("From the walk this morning, and the notes.");
    await screenshot(ann, "files-tray-light");
    await send(ann);
    await ann.locator("#tray").waitFor({ state: "detached" });

    for (const page of [ann, bob]) {
      await messages(page, (texts) => texts.length === 1);
      const image = page.getByRole("img", { name: "Green hills under a low sun" });
      await eventually(() => image.evaluate((image) => image.complete && image.naturalWidth), (width) => width === 900);
      const box = await image.boundingBox();
      assert.ok(Math.abs(box.width / box.height - 1.5) < 0.02, JSON.stringify(box));
      const link = page.getByRole("link", { name: "release notes.md" });
      assert.equal(await link.getAttribute("download"), "release notes.md");
      assert.equal(await link.evaluate(async (link) => (await fetch(link.href)).text()), notes.toString());
    }

    // Without a word, and two at once.
    await attach(bob, file("one.png", picture(400, 500, 1), "image/png"), file("two.png", picture(640, 480, 3), "image/png"));
    await tray(bob, areDone(2));
    await bob.getByLabel("Message", { exact: true }).press("Enter");
    await eventually(() => ann.locator(".message:not(.pending) .picture img").count(), (count) => count === 3);
    await ann.locator("#room-list .last", { hasText: "bob: 2 pictures" }).waitFor();
    await screenshot(ann, "files-light");
    await screenshot(bob, "files-dark");

    await chat.stop();
    await chat.start();
    await bob.reload();
    const shown = bob.getByRole("img", { name: "Green hills under a low sun" });
    await eventually(() => shown.evaluate((image) => image.complete && image.naturalWidth), (width) => width === 900);
  });

  chatIt("paste pictures and drop files", {}, async (open) => {
    const ann = await open("Ann");
    await bring(ann, "#text", ["paste"], [file("image.png", picture(300, 200), "image/png")]);
    await tray(ann, areDone(1));
    await bring(ann, "#log", ["dragenter", "dragover"], [file("a.bin", randomBytes(10))]);
    await ann.getByText("Drop the files to share them in #General").waitFor();
    await screenshot(ann, "files-drop");
    await bring(ann, "#log", ["drop"], [file("a.bin", randomBytes(10)), file("b.bin", randomBytes(10))]);
    await ann.getByText("Drop the files to share them").waitFor({ state: "detached" });
    await tray(ann, areDone(3));
    await ann.getByRole("button", { name: "Remove a.bin" }).click();
    await tray(ann, areDone(2));
    await ann.getByLabel("Message", { exact: true }).press("Enter");
    await ann.getByRole("link", { name: "b.bin" }).waitFor();
    assert.equal(await ann.locator(".files > li").count(), 2);
    await bring(ann, "#text", ["paste"], Array.from({ length: 12 }, (_, index) => file(`${index}.bin`, randomBytes(10))));
    await tray(ann, areDone(10));
  });
});

describe("an upload", () => {
  /** Lets so many chunks through, and no more until it is called again. */
  async function hold(page, chunks) {
    await page.unroute("**/uploads/*");
    let left = chunks;
    await page.route("**/uploads/*", (route) => {
      if (route.request().method() !== "PATCH" || left-- > 0) return route.continue();
    });
  }

  chatIt("is paused, cancelled, and goes on after a reload", { keeps: true }, async (open) => {
    const ann = await open("Ann", { colorScheme: "dark" });
    await hold(ann, 1);
    await attach(ann, file("film.bin", randomBytes(2 * MIB)));
    await ann.getByText("12 % of 2.1 MB").waitFor();
    await ann.getByRole("button", { name: "Pause the upload of film.bin" }).click();
    await ann.getByText("12 % · paused").waitFor();
    await ann.reload();
    await ann.getByText("paused").waitFor();
    await hold(ann, 1);
    await ann.getByRole("button", { name: "Go on with the upload of film.bin" }).click();
    await ann.getByText("25 % of 2.1 MB").waitFor();
    await attach(ann, file("hills.png", picture(900, 600), "image/png"), file("cancelled.bin", randomBytes(MIB)));
    await ann.getByRole("progressbar", { name: "Upload of film.bin" }).waitFor();
    await screenshot(ann, "files-uploading-dark");
    await ann.getByRole("button", { name: "Cancel the upload of cancelled.bin" }).click();
    await tray(ann, ({ length }) => length === 2);

    // Sent now, it goes when the files are there.
    await ann.getByLabel("Message", { exact: true }).fill("here it is");
    await send(ann);
    await ann.getByRole("button", { name: "Sent when its files are there" }).waitFor();
    await ann.reload();
    await tray(ann, ({ length }) => length === 2);
    await ann.unroute("**/uploads/*");
    await ann.reload();
    await ann.getByLabel("Message", { exact: true }).fill("here it is");
    await send(ann);
    await messages(ann, (texts) => texts.join() === "here it is");
    const link = ann.getByRole("link", { name: "film.bin" });
    assert.equal(await link.evaluate(async (link) => (await (await fetch(link.href)).blob()).size), 2 * MIB);
    assert.equal(await ann.locator(".files > li").count(), 2);
  });

  chatIt("that is refused says why", { settings: { PSD_UPLOAD_MAX_BYTES: "100000" } }, async (open) => {
    const ann = await open("Ann");
    await attach(ann, file("large.bin", randomBytes(100_001)), file("lie.png", Buffer.from("no picture"), "image/png"));
    await ann.getByText("The file has 100001 bytes; 100000 are allowed.").waitFor();
    await ann.getByText("The file is `text/plain`, not `image/png`.").waitFor();
    await screenshot(ann, "files-refused");
    assert.equal(await ann.getByRole("button", { name: "Try again" }).count(), 2);
    await ann.getByRole("button", { name: "Cancel the upload of large.bin" }).click();
    await ann.getByRole("button", { name: "Cancel the upload of lie.png" }).click();
    await ann.locator("#tray").waitFor({ state: "detached" });
  });

  chatIt("fits a telephone", {}, async (open) => {
    for (const [colorScheme, name] of [["light", "Ann"], ["dark", "Bob"]]) {
      const page = await open(name, { ...TELEPHONE, colorScheme });
      await attach(page, file("hills.png", picture(1200, 800), "image/png"), file("a file with a rather long name, as people give them.pdf", Buffer.from("%PDF-1.7")));
      await tray(page, areDone(2));
      await page.getByLabel("Description of hills.png").fill("Green hills");
      await screenshot(page, `files-telephone-tray-${colorScheme}`);
      await page.getByRole("button", { name: "Send", exact: true }).click();
      await page.locator(".message:not(.pending) .picture img").last().waitFor();
      await eventually(() => page.locator(".picture img").last().evaluate((image) => image.complete && image.naturalWidth), Boolean);
      await screenshot(page, `files-telephone-${colorScheme}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out");
    }
  });
});

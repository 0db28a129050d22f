// tus-js-client, as it is published for browsers, in Chromium against the server, which is killed in between.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { chromium } from "playwright-core";
import { Server, token } from "./server.js";

const MIB = 1 << 20;
const SCRIPT = readFileSync(new URL("node_modules/tus-js-client/dist/tus.min.js", import.meta.url));
const PAGE = '<!doctype html><link rel="icon" href="data:,"><input type="file"><script src="/tus.js"></script>';

let browser, site, server, page;

before(async () => {
  const executablePath = process.env.PSD_CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) throw new Error(`no browser at \`${executablePath}\`: name one in \`PSD_CHROMIUM\``);
  browser = await chromium.launch({ executablePath, args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
  site = createServer((request, response) => {
    const isScript = request.url === "/tus.js";
    response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" }).end(isScript ? SCRIPT : PAGE);
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
});

after(async () => {
  await browser?.close();
  site?.close();
  site?.closeAllConnections();
});

beforeEach(async () => {
  server = new Server();
  await server.start();
  page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
});

afterEach(async () => {
  await page.context().close();
  await server.close();
});

/** Chooses a file; the page's `upload` begins to upload it, and `result` resolves to its address. */
async function upload(bytes, options = {}) {
  const path = join(server.folder, "film.bin");
  // Once, so that one that is chosen again has the same date.
  if (!existsSync(path)) writeFileSync(path, bytes);
  await page.locator("input").setInputFiles(path);
  await page.evaluate(
    async ([base, token, options]) => {
      const [file] = document.querySelector("input").files;
      window.sent = [];
      window.result = new Promise((resolve, reject) => {
        let url;
        window.upload = new tus.Upload(file, {
          endpoint: `${base}/uploads/`,
          headers: { Authorization: `Bearer ${token}` },
          metadata: { filename: file.name },
          retryDelays: [50, 100, 200, 500, 1000, 2000, 4000],
          onAfterResponse: (request, response) => (url = response.getHeader("Content-Location") ?? url),
          onChunkComplete: (size, sent) => window.sent.push(sent),
          onError: reject,
          onSuccess: () => resolve(new URL(url, base).href),
          ...options,
        });
      });
      window.result.catch(() => {});
      const [before] = await window.upload.findPreviousUploads();
      if (before) window.upload.resumeFromPreviousUpload(before);
      window.upload.start();
    },
    [server.base, token("1"), options],
  );
}

/** The digest of what was uploaded, as the page fetches it. */
function stored() {
  return page.evaluate(async () => {
    const response = await fetch(await window.result);
    const digest = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  });
}

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
const sent = (bytes) => page.waitForFunction((bytes) => window.sent.at(-1) >= bytes, bytes);

test("a file goes in one request, in chunks, and in parts beside each other", async () => {
  const bytes = randomBytes(3 * MIB + 7);
  for (const options of [{}, { chunkSize: MIB }, { parallelUploads: 3 }, { uploadDataDuringCreation: true }]) {
    await upload(bytes, { ...options, storeFingerprintForResuming: false });
    assert.equal(await stored(), digest(bytes), JSON.stringify(options));
  }
});

test("an upload is paused, and goes on", async () => {
  const bytes = randomBytes(8 * MIB);
  await upload(bytes, { chunkSize: MIB / 4 });
  await sent(MIB);
  await page.evaluate(() => window.upload.abort());
  await page.evaluate(() => window.upload.start());
  assert.equal(await stored(), digest(bytes));
});

test("the network goes, and the server is killed", async () => {
  const bytes = randomBytes(8 * MIB);
  await upload(bytes, { chunkSize: MIB / 4 });
  await sent(MIB);
  await server.kill();
  await server.start();
  await sent(4 * MIB);
  await page.context().setOffline(true);
  await page.context().setOffline(false);
  assert.equal(await stored(), digest(bytes));
  const confirmed = await page.evaluate(() => window.sent);
  assert.deepEqual(confirmed, [...confirmed].sort((one, other) => one - other), "no chunk that was confirmed went again");
});

test("a page that is loaded again finds its upload", async () => {
  const bytes = randomBytes(8 * MIB);
  await upload(bytes, { chunkSize: MIB / 4 });
  await sent(2 * MIB);
  await page.evaluate(() => window.upload.abort());
  await page.reload();
  await upload(bytes, { chunkSize: MIB / 4 });
  assert.equal(await stored(), digest(bytes));
  assert.ok(await page.evaluate(() => window.sent[0] > 2 * 1024 * 1024), "it went on where it was");
});

test("what is refused says why", async () => {
  await upload(randomBytes(10), { uploadSize: 200 * MIB, retryDelays: null });
  const message = await page.evaluate(() => window.result.catch((error) => error.message));
  assert.match(message, /413.*104857600 are allowed/s);
});

// Starts the chat program and a browser, and acts in its windows as people do.

import assert from "node:assert/strict";
import { spawn, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, it } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const SCREENSHOTS = join(ROOT, "target/screenshots");
/** A window of a telephone. */
export const TELEPHONE = { viewport: { width: 390, height: 760 }, hasTouch: true, isMobile: true };
/** Milliseconds that a condition may take to come true. */
const DEADLINE = 30_000;

/** The program's path: `PSD_CHAT`, or built now. */
function binary() {
  if (process.env.PSD_CHAT) return process.env.PSD_CHAT;
  execFileSync("cargo", ["build", "--quiet", "-p", "chat"], { cwd: ROOT, stdio: "inherit" });
  return join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug/chat");
}

/** The chat program on a free port of this machine. */
class Chat {
  #binary = binary();
  #folder = mkdtempSync(join(tmpdir(), "psd-chat-"));
  #process;
  url;

  /** `keeps`: in a file, so that it survives `restart`; else in memory. `settings` are those of docs/SETTINGS.md. */
  constructor({ keeps = false, settings = {} } = {}) {
    this.database = keeps ? join(this.#folder, "chat.sqlite") : ":memory:";
    this.environment = { ...process.env, ...settings };
  }

  async start() {
    const port = this.url ? new URL(this.url).port : "0";
    const options = { cwd: this.#folder, env: this.environment, stdio: ["ignore", "pipe", "inherit"] };
    this.#process = spawn(this.#binary, ["--port", port, "--database", this.database], options);
    const [line] = await Promise.race([
      once(createInterface(this.#process.stdout), "line"),
      once(this.#process, "exit").then(([code]) => { throw new Error(`the chat program ended with ${code} at its start`); }),
    ]);
    this.url = line;
  }

  /** As the system would: by a signal, and until it has gone. */
  async stop() {
    if (this.#process.exitCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await gone;
  }

  async close() {
    await this.stop();
    rmSync(this.#folder, { recursive: true });
  }
}

function once(emitter, event) {
  return new Promise((resolve, reject) => {
    emitter.once(event, (...values) => resolve(values));
    emitter.once("error", reject);
  });
}

function launch() {
  const executablePath = process.env.PSD_CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) throw new Error(`no browser at \`${executablePath}\`: name one in \`PSD_CHROMIUM\``);
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  return chromium.launch({ executablePath, args });
}

/** Tests with a chat of their own each, in one browser; no window may have made a mistake by the end. */
export function chatTests() {
  let browser;
  before(async () => { browser = await launch(); });
  after(() => browser?.close());
  return (name, options, body) =>
    it(name, async () => {
      const chat = new Chat(options);
      await chat.start();
      const pages = [];
      const open = async (...of) => {
        const page = await openWindow(browser, chat, ...of);
        pages.push(page);
        return page;
      };
      try {
        await body(open, chat);
        for (const page of pages) assert.deepEqual(page.mistakes, []);
      } finally {
        await Promise.all(pages.map((page) => page.context().close()));
        await chat.close();
      }
    });
}

/** A window of somebody: with a name, they have made an account already. */
async function openWindow(browser, chat, name, { address = "/", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 760 }, locale: "en-GB", ...options });
  context.setDefaultTimeout(DEADLINE);
  const page = await context.newPage();
  page.mistakes = [];
  page.on("pageerror", (error) => page.mistakes.push(error.message));
  page.on("console", (message) => {
    // That the connection broke or a file was refused is told to people, and the browser writes it here besides.
    const isNoise = ["WebSocket connection to", "Failed to load resource"].some((noise) => message.text().includes(noise));
    if (message.type() === "error" && !isNoise) page.mistakes.push(message.text());
  });
  await page.goto(new URL(address, chat.url).href);
  if (name) await enter(page, name);
  return page;
}

export const PASSWORD = "correct horse";

/** Makes an account. */
export async function enter(page, name) {
  await page.getByRole("button", { name: "Make an account" }).click();
  await fillIn(page, name);
  await page.getByRole("button", { name: "Make the account" }).click();
  await isIn(page);
}

/** Signs in with an account that is there. */
export async function signIn(page, name) {
  await fillIn(page, name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await isIn(page);
}

export async function fillIn(page, name, password = PASSWORD) {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password").fill(password);
}

async function isIn(page) {
  // On a narrow screen the rooms are in a drawer.
  await page.locator("#room-list li").first().waitFor({ state: "attached" });
}

export async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByLabel("Message", { exact: true }).press("Enter");
}

/** The texts of the room that is shown, top down, as soon as `test` accepts them. */
export function messages(page, test) {
  return eventually(() => page.locator(".message:not(.pending) .text").allTextContents(), test);
}

/** Who is here, as soon as `test` accepts it. */
export function people(page, test) {
  return eventually(() => page.locator("#people-list .who").allTextContents(), test);
}

/** What `look` sees as soon as `test` accepts it. */
export async function eventually(look, test) {
  const end = Date.now() + DEADLINE;
  for (;;) {
    const seen = await look();
    if (test(seen)) return seen;
    if (Date.now() > end) throw new Error(`still ${JSON.stringify(seen)} after ${DEADLINE} ms; waited for ${test}`);
    await new Promise(setImmediate);
  }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails if axe finds anything in what the window shows that would keep somebody out. */
export async function isAccessible(page, state) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run());
  const found = violations.flatMap(({ id, impact, nodes }) => nodes.map(({ target, failureSummary }) => `${id} (${impact}) at ${target}: ${failureSummary}`));
  assert.deepEqual(found, [], state);
}

export async function screenshot(page, name) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), animations: "disabled" });
}

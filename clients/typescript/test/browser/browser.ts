// A Chromium, and the pages `page.tsx` and `upload.tsx` in it.

import { build } from "esbuild";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { DEADLINE, eventually, type TestServer } from "../server.js";

export function launch(): Promise<Browser> {
  const executablePath = process.env["PSD_CHROMIUM"] ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) throw new Error(`no browser at \`${executablePath}\`: name one in \`PSD_CHROMIUM\``);
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  return chromium.launch({ executablePath, args });
}

/** A web server for the page, which is there whether the psd server is or not. */
export class Site {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** With `react` and `react-dom`, or other versions of them. */
  static async start(suffix = "", source = "page.tsx"): Promise<Site> {
    const require = createRequire(import.meta.url);
    const folder = (name: string) => dirname(require.resolve(`${name}${suffix}/package.json`));
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL(source, import.meta.url))],
      bundle: true,
      write: false,
      format: "esm",
      jsx: "automatic",
      define: { "process.env.NODE_ENV": '"development"' },
      alias: { react: folder("react"), "react-dom": folder("react-dom") },
    });
    const script = outputFiles[0]!.contents;
    const page = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>';
    const server = createServer((request, response) => {
      const isScript = request.url === "/page.js";
      response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" }).end(isScript ? script : page);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Site(server);
  }

  address(server: TestServer, more = ""): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/?server=${server.url}${more}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** A tab with the page. */
export class Tab {
  readonly page: Page;
  /** What the page did wrong. */
  readonly mistakes: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(DEADLINE);
    page.on("pageerror", (error) => this.mistakes.push(String(error.stack)));
    page.on("console", (message) => {
      // That a connection broke or a request was refused is written here by the browser.
      const isNoise = ["WebSocket connection to", "net::ERR_", "Failed to load resource"].some((noise) => message.text().includes(noise));
      if (["error", "warning"].includes(message.type()) && !isNoise) this.mistakes.push(message.text());
    });
  }

  static async open(context: BrowserContext, address: string): Promise<Tab> {
    const tab = new Tab(await context.newPage());
    await tab.page.goto(address);
    return tab;
  }

  login(name: string): Promise<void> {
    return this.page.evaluate((name) => (window as any).client.auth.login(name, name), name);
  }

  async say(...texts: string[]): Promise<void> {
    await this.page.locator("#notes").waitFor({ state: "attached" });
    await this.page.evaluate((texts) => texts.forEach((text) => (window as any).say(text)), texts);
  }

  text(selector: string): Promise<string> {
    return this.page.locator(selector).innerText();
  }

  status(test: (status: string) => boolean): Promise<string> {
    return eventually(() => this.text("#status"), test);
  }

  /** The notes on the screen, as soon as `test` accepts them. */
  notes(test: (notes: string[]) => boolean): Promise<string[]> {
    return eventually(() => this.page.locator("#notes li").allInnerTexts(), test);
  }

  /** What waits, as soon as `test` accepts it. */
  outbox(test: (texts: string[]) => boolean): Promise<string[]> {
    return eventually(() => this.page.locator("#outbox li").allInnerTexts(), test);
  }

  /** How many rows of the browser's database begin so. */
  rows(prefix: string): Promise<number> {
    return this.page.evaluate(async (prefix) => {
      const opening = indexedDB.open("psd");
      await new Promise((resolve) => (opening.onsuccess = resolve));
      const database = opening.result;
      const request = database.transaction("rows").objectStore("rows").getAllKeys();
      await new Promise((resolve) => (request.onsuccess = resolve));
      database.close();
      return request.result.filter((key) => String(key).startsWith(prefix)).length;
    }, prefix);
  }
}

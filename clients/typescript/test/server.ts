// Starts, kills and restarts the server of tests/clients, on a port of this machine that stays its own.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Milliseconds that something may take which must happen. */
export const DEADLINE = 30_000;

/** How a server is started. */
export interface ServerOptions {
  accessMs?: number;
  /** Settings, as in docs/SETTINGS.md. */
  settings?: Record<string, string>;
}

export class TestServer {
  readonly #folder = mkdtempSync(join(tmpdir(), "psd-client-"));
  readonly #options: string[];
  readonly #settings: Record<string, string>;
  #process: ChildProcess | undefined;
  #port = "0";
  url = "";

  constructor({ accessMs, settings = {} }: ServerOptions = {}) {
    this.#options = accessMs === undefined ? [] : ["--access-ms", String(accessMs)];
    this.#settings = settings;
  }

  static async start(options: ServerOptions = {}): Promise<TestServer> {
    const server = new TestServer(options);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const started = spawn(process.env["PSD_CLIENT_TESTS_SERVER"]!, ["--port", this.#port, "--notes", this.#notes, "--files", this.#files, ...this.#options], {
      stdio: ["ignore", "pipe", "inherit"],
      // The page comes from another port, which is there when the server is not.
      env: { ...process.env, PSD_ALLOWED_ORIGINS: "*", ...this.#settings },
    });
    this.#process = started;
    const line = once(createInterface(started.stdout), "line");
    const ended = once(started, "exit").then(([code]) => {
      throw new Error(`the server ended with ${code} at its start`);
    });
    ended.catch(() => {});
    this.url = (await Promise.race([line, ended]))[0] as string;
    this.#port = new URL(this.url).port;
  }

  /** As a crash: the server says nothing to anybody. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** As an update: clients are told when to come back. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const process = this.#process;
    if (!process || process.exitCode !== null || process.signalCode !== null) return;
    const gone = once(process, "exit");
    process.kill(signal);
    await gone;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
  }

  get #notes(): string {
    return join(this.#folder, "notes");
  }

  get #files(): string {
    return join(this.#folder, "files");
  }

  /** What the server keeps of uploads that are not done. */
  unfinished(): string[] {
    return this.#list("uploads").filter((name) => name.endsWith(".data"));
  }

  /** The files that were uploaded, by their keys. */
  stored(): Map<string, Buffer> {
    return new Map(this.#list("files").map((key) => [key, readFileSync(join(this.#files, "files", key))]));
  }

  #list(folder: string): string[] {
    const path = join(this.#files, folder);
    return existsSync(path) ? readdirSync(path) : [];
  }

  /** The texts of all notes that were put on a board, in their order; a note that was put twice is there twice. */
  notes(board: string): string[] {
    if (!existsSync(this.#notes)) return [];
    // What stands behind the last line feed is being written.
    const lines = readFileSync(this.#notes, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line)).filter((note) => note.board === board).map((note) => note.text);
  }
}

/** What `look` sees as soon as `test` accepts it. */
export async function eventually<T>(look: () => T | Promise<T>, test: (seen: T) => boolean): Promise<T> {
  const end = Date.now() + DEADLINE;
  for (;;) {
    const seen = await look();
    if (test(seen)) return seen;
    if (Date.now() > end) {
      const text = JSON.stringify(seen, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
      throw new Error(`still ${text} after ${DEADLINE} ms; waited for ${test}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

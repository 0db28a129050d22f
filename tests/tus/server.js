// The server of tests/clients with a folder for files, which is killed and started anew at its port.
import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const SECRET = "the secret of a server for tests";

/** A token of a user of the server. */
export function token(user) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const claims = { token_type: "access", user_id: user, exp: now + 600, iat: now, jti: randomBytes(8).toString("hex") };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

export class Server {
  folder = mkdtempSync(join(tmpdir(), "psd-tus-"));
  #child;
  #port = 0;
  /** Its address. */
  base;

  async start() {
    const args = ["--port", String(this.#port), "--notes", join(this.folder, "notes"), "--files", join(this.folder, "files")];
    // Pages come from another port.
    const env = { ...process.env, PSD_ALLOWED_ORIGINS: "*" };
    this.#child = spawn(process.env.PSD_CLIENT_TESTS_SERVER, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: this.#child.stdout })) {
      this.base = line.replace("ws://", "http://").replace("/ws", "");
      this.#port = new URL(line).port;
      return;
    }
    throw new Error("the server has ended");
  }

  async kill() {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  async close() {
    await this.kill();
    rmSync(this.folder, { recursive: true });
  }
}

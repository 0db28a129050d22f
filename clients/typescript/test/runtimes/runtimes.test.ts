// The codec and the client in Deno and in Bun, which npm installs: nothing is skipped where they are missing.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestServer } from "../server.js";

const PACKAGE = fileURLToPath(new URL("../..", import.meta.url));
let server: TestServer;
let folder: string;
let script: string;

beforeAll(async () => {
  server = await TestServer.start();
  folder = mkdtempSync(join(tmpdir(), "psd-runtimes-"));
  script = join(folder, "script.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("script.ts", import.meta.url))],
    outfile: script,
    bundle: true,
    format: "esm",
    target: "es2022",
    alias: {
      "@psd/client/offline": join(PACKAGE, "src/offline.ts"),
      ...Object.fromEntries(["codec", "wkt", "common"].map((name) => [`@psd/client/${name}`, join(PACKAGE, `src/${name}/index.ts`)])),
    },
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

test.each([
  ["deno", ["run", "--allow-net=127.0.0.1", "--no-config", "--no-lock"]],
  ["bun", ["run"]],
])("%s", async (name, options) => {
  const command = join(PACKAGE, "node_modules/.bin", name);
  const { stdout } = await promisify(execFile)(command, [...options, script, server.url], { cwd: folder });
  expect(stdout).toMatch(/^[1-9]\d* vectors\n3 conversations\n$/);
});

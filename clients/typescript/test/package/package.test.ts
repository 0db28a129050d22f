// The package as npm would publish it: complete, and installable into an empty Vite application.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { afterAll, beforeAll, expect, test } from "vitest";

const PACKAGE = fileURLToPath(new URL("../..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
let folder: string;
let tarball: string;

function run(cwd: string, command: string, ...options: string[]): string {
  try {
    return execFileSync(command, options, { cwd, encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${options.join(" ")} failed:\n${stdout}${stderr}`);
  }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "psd-package-"));
  run(PACKAGE, "npm", "pack", "--pack-destination", folder);
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz"))!);
});
afterAll(() => rmSync(folder, { recursive: true }));

test("has what its manifest promises, and nothing else", async () => {
  const files = run(folder, "tar", "tzf", tarball).trim().split("\n").map((name) => name.replace("package/", ""));
  expect(files).toEqual(expect.arrayContaining(["package.json", "README.md", "LICENSE"]));
  for (const entry of Object.values<any>(manifest.exports)) {
    for (const file of typeof entry === "string" ? [entry] : Object.values<string>(entry)) expect(files).toContain(file.slice(2));
  }
  expect(files.filter((name) => /test|bench|config|node_modules/.test(name))).toEqual([]);
  expect(manifest.dependencies).toBeUndefined();
  expect((await publint({ pkgDir: PACKAGE, strict: true })).messages).toEqual([]);
});

test("is at home in an empty Vite application", () => {
  const app = join(folder, "app");
  cpSync(join(PACKAGE, "test/package/app"), app, { recursive: true });
  cpSync(join(PACKAGE, "test/board/messages"), join(app, "src/messages"), { recursive: true });
  const version = (name: string) => manifest.devDependencies[name];
  const dependencies = Object.fromEntries(["react", "react-dom", "vite", "typescript", "@types/react", "@types/react-dom"].map((name) => [name, version(name)]));
  writeFileSync(join(app, "package.json"), JSON.stringify({ private: true, type: "module", dependencies: { ...dependencies, "@psd/client": `file:${tarball}` } }));
  run(app, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline");
  run(app, "npx", "tsc");
  run(app, process.execPath, join(PACKAGE, "node_modules/typescript5/bin/tsc"));
  run(app, "npx", "vite", "build");
  const [script] = readdirSync(join(app, "dist/assets")).filter((name) => name.endsWith(".js"));
  expect(readFileSync(join(app, "dist/assets", script!), "utf8")).toContain("psd.v1.proto");
});

test("every entry can be imported in Node, and does nothing by itself", () => {
  const app = join(folder, "node");
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), JSON.stringify({ private: true, type: "module" }));
  run(app, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline", tarball, `react@${manifest.devDependencies["react"]}`);
  const entries = Object.keys(manifest.exports).filter((name) => !name.endsWith(".json"));
  const script = entries.map((name) => `await import("${name.replace(".", manifest.name)}");`).join("");
  run(app, "node", "--input-type=module", "--eval", script);
});

// Builds the server that the tests run against, once, unless the environment names it.

import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../..");

export default function setup(): void {
  if (process.env["PSD_CLIENT_TESTS_SERVER"]) return;
  execFileSync("cargo", ["build", "--quiet", "-p", "client-tests-server"], { cwd: ROOT, stdio: "inherit" });
  const target = process.env["CARGO_TARGET_DIR"] ?? join(ROOT, "target");
  process.env["PSD_CLIENT_TESTS_SERVER"] = join(target, "debug/client-tests-server");
}

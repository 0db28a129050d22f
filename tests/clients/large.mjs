// A large file through a client, by hand: what the client and the server need for it, and whether it is the same in the
// end. docs/FILES.md has the command and its figures.
//
//   node tests/clients/large.mjs http|socket MEBIBYTES PROGRAM...
//
// The program is that of a client (clients/typescript/bench/upload.mjs, clients/dart/bench/upload.dart). It is given the
// server's address, the file and the way, and says in a line of JSON how many seconds it took, and what its process has
// needed at most. The server is the one that `PSD_CLIENT_TESTS_SERVER` names.

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [via, mebibytes, program, ...rest] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "psd-large-"));
const file = join(folder, "large.bin");
const children = [];

/** The first line that a program writes. */
async function start(...command) {
  const child = spawn(command[0], command.slice(1), {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PSD_UPLOAD_MAX_BYTES: "0", PSD_UPLOAD_QUOTA: "0" },
  });
  children.push(child);
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`${command[0]} ended with ${code}`);
  });
  ended.catch(() => {});
  const [line] = await Promise.race([once(createInterface(child.stdout), "line"), ended]);
  return [child.pid, line];
}

/** The most memory that a process has had, in MiB. */
const peak = (pid) => Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

async function hashOf(path) {
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(path)) hash.update(bytes);
  return hash.digest("hex");
}

try {
  const out = openSync(file, "w");
  for (let written = 0; written < Number(mebibytes); written++) writeSync(out, randomBytes(1 << 20));
  const files = join(folder, "files");
  const arguments_ = ["--notes", join(folder, "notes"), "--files", files];
  const [pid, url] = await start(process.env.PSD_CLIENT_TESTS_SERVER, ...arguments_);
  const idle = peak(pid);
  const [, line] = await start(program, ...rest, url, file, via);
  const { seconds, mebibytes: client } = JSON.parse(line);
  const [stored] = readdirSync(join(files, "files"));
  const isSame = (await hashOf(file)) === (await hashOf(join(files, "files", stored)));
  const server = peak(pid);
  console.log(`${via}: ${(mebibytes / seconds).toFixed(1)} MiB/s; client at most ${client.toFixed(0)} MiB; server ${(server - idle).toFixed(1)} MiB above its ${idle.toFixed(1)}; ${isSame ? "the same" : "ANOTHER"} content`);
  process.exitCode = isSame ? 0 : 1;
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
}

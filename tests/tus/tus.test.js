// tus-js-client, as it is published, against the server of tests/clients, which is killed in between.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { Upload } from "tus-js-client";
import { Server, token } from "./server.js";

const MIB = 1 << 20;

let server;

/** Uploads; resolves to the upload and its last answer. */
function upload(file, options = {}) {
  let last;
  let upload;
  const done = new Promise((resolve, reject) => {
    upload = new Upload(file, {
      endpoint: `${server.base}/uploads/`,
      headers: { Authorization: `Bearer ${token("1")}` },
      metadata: { filename: "file.bin", filetype: "application/octet-stream" },
      retryDelays: [50, 100, 200, 500, 1000, 2000, 4000],
      onAfterResponse: (request, response) => {
        last = response.getHeader("Content-Location") ?? last;
      },
      onError: reject,
      onSuccess: () => resolve({ upload, url: last }),
      ...options,
    });
  });
  upload.start();
  return { upload, done };
}

async function fetched(url) {
  const response = await fetch(new URL(url, server.base), { headers: { Authorization: `Bearer ${token("1")}` } });
  assert.equal(response.status, 200);
  return Buffer.from(await response.arrayBuffer());
}

function same(one, other) {
  const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
  assert.equal(digest(one), digest(other));
}

beforeEach(async () => {
  server = new Server();
  await server.start();
});

afterEach(async () => {
  await server.close();
});

test("a file goes in one request", async () => {
  const file = randomBytes(5 * MIB);
  const { url } = await upload(file).done;
  same(await fetched(url), file);
});

test("a file goes in chunks", async () => {
  const file = randomBytes(3 * MIB + 7);
  const { url } = await upload(file, { chunkSize: MIB }).done;
  same(await fetched(url), file);
});

test("the first bytes go with the beginning", async () => {
  const file = randomBytes(MIB);
  const { url } = await upload(file, { uploadDataDuringCreation: true }).done;
  same(await fetched(url), file);
});

test("a file goes in parts beside each other", async () => {
  const file = randomBytes(4 * MIB + 1);
  const { url } = await upload(file, { parallelUploads: 3 }).done;
  same(await fetched(url), file);
});

test("a file of no bytes, and one of unknown length", async () => {
  same(await fetched((await upload(Buffer.alloc(0)).done).url), Buffer.alloc(0));
  const file = randomBytes(2 * MIB);
  const { url } = await upload(file, { uploadLengthDeferred: true, chunkSize: MIB }).done;
  same(await fetched(url), file);
});

test("an upload is paused and goes on", async () => {
  const file = randomBytes(8 * MIB);
  let pause;
  const paused = new Promise((resolve) => (pause = resolve));
  let once = false;
  const { upload: uploading, done } = upload(file, {
    chunkSize: MIB,
    onChunkComplete: () => {
      if (once) return;
      once = true;
      pause();
    },
  });
  await paused;
  await uploading.abort();
  uploading.start();
  same(await fetched((await done).url), file);
});

test("the server is killed again and again", async () => {
  const file = randomBytes(12 * MIB);
  const accepted = [];
  let kills = 0;
  const { done } = upload(file, {
    chunkSize: MIB,
    onChunkComplete: async (size, sent) => {
      accepted.push(sent);
      if (kills < 3 && accepted.length % 3 === 0) {
        kills += 1;
        await server.kill();
        await server.start();
      }
    },
  });
  same(await fetched((await done).url), file);
  assert.equal(kills, 3);
  assert.deepEqual(accepted, [...accepted].sort((one, other) => one - other), "no chunk that was confirmed went again");
});

test("an upload is given up", async () => {
  const { upload: uploading, done } = upload(randomBytes(8 * MIB), {
    chunkSize: MIB,
    onChunkComplete: () => uploading.abort(true).then(() => gone()),
  });
  let gone;
  const terminated = new Promise((resolve) => (gone = resolve));
  await Promise.race([terminated, done]);
  assert.deepEqual(readdirSync(join(server.folder, "files", "uploads")), []);
});

test("what is refused says why", async () => {
  const refused = (options) => assert.rejects(upload(randomBytes(10), { retryDelays: null, ...options }).done, (error) => {
    assert.match(error.message, options.expected);
    return true;
  });
  await refused({ headers: {}, expected: /401/ });
  await refused({ headers: { Authorization: "Bearer x" }, expected: /401/ });
  await refused({ uploadSize: 200 * MIB, expected: /413/ });
  await refused({ metadata: { filetype: "image/png" }, expected: /415.*not `image\/png`/s });
});

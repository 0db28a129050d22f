// What the package adds to a page, as Vite's bundler makes it: minified and gzipped.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { expect, test } from "vitest";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const ENTRY = path("entry.ts");

interface Sizes {
  /** Bytes that are loaded at once. */
  first: number;
  /** Bytes that are loaded when they are needed. */
  later: number;
}

const sizesOf = async (contents: string): Promise<Sizes> => {
  const bundle = await rolldown({
    input: ENTRY,
    // As in the pages that Vite builds: what is needed at once and later stands in the first chunk.
    preserveEntrySignatures: "allow-extension",
    external: ["react"],
    resolve: {
      alias: { ...Object.fromEntries(["codec", "wkt", "common"].map((name) => [`@psd/client/${name}`, path(`../src/${name}/index.ts`)])), "@psd/client/offline": path("../src/offline.ts") },
    },
    plugins: [{ name: "entry", resolveId: (id) => (id === ENTRY ? id : null), load: (id) => (id === ENTRY ? contents : null) }],
  });
  const { output } = await bundle.generate({ format: "esm", minify: true, comments: { annotation: false } });
  const chunks = output.filter((part) => part.type === "chunk");
  const first = new Set<string>();
  const visit = (name: string): void => {
    if (first.has(name)) return;
    first.add(name);
    chunks.find(({ fileName }) => fileName === name)?.imports.forEach(visit);
  };
  chunks.filter(({ isEntry }) => isEntry).forEach(({ fileName }) => visit(fileName));
  const size = (all: typeof chunks) => all.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0);
  return { first: size(chunks.filter(({ fileName }) => first.has(fileName))), later: size(chunks.filter(({ fileName }) => !first.has(fileName))) };
};

const CODEC = `export { create, fromBinary, fromJson, toBinary, toJson } from "@psd/client/codec";`;
const MESSAGES = `
  export { Chat, Item, List } from "./bench/messages/bench.js";
  export { Ack, Login } from "@psd/client/common";`;

test("the codec and five messages have at most 5 kB", async () => {
  const { first } = await sizesOf(CODEC + MESSAGES);
  console.info(`codec and five messages: ${first} bytes, minified and gzipped`);
  expect(first).toBeLessThanOrEqual(5000);
});

test("what is not used is not in a bundle", async () => {
  const all = (await sizesOf(CODEC + MESSAGES)).first;
  expect((await sizesOf(MESSAGES)).first).toBeLessThan(1000);
  expect((await sizesOf(`export { fromBinary } from "@psd/client/codec";`)).first).toBeLessThan(all * 0.6);
  expect((await sizesOf(`export { Timestamp } from "@psd/client/wkt"; ${CODEC}`)).first).toBeLessThan(all + 600);
  expect((await sizesOf(`import "@psd/client/codec"; import "@psd/client/wkt"; import "@psd/client/common"; import "@psd/client/offline"; import "../src/upload/index.js"; import "./vectors/messages/index.js";`)).first).toBeLessThan(100);
});

test("the client is small, and smaller for a contract without `client cache`", async () => {
  const client = `export { createClient, localTokens } from "../src/index.js"; export { Post, Posted, Watch, Board, SetDraft } from "./board/messages/board.js";`;
  const small = await sizesOf(client);
  const whole = await sizesOf(`${client} export * from "@psd/client/offline";`);
  const hooks = await sizesOf(`${client} export * from "../src/react/index.js";`);
  const uploads = await sizesOf(`${client} export * from "../src/upload/index.js";`);
  const text = ({ first, later }: Sizes) => `${first} bytes, and ${later} more when a server speaks JSON`;
  console.info(`the client with its codec and five messages, minified and gzipped: ${text(small)}`);
  console.info(`with outbox and cache: ${text(whole)}; the hooks: ${hooks.first - small.first} bytes`);
  console.info(`uploads: ${uploads.first - small.first} bytes, and ${uploads.later - small.later} more when a file goes over the socket`);
  expect(small.first).toBeLessThanOrEqual(9800);
  expect(whole.first).toBeLessThanOrEqual(12_000);
  expect(whole.later).toBeLessThanOrEqual(2100);
  expect(hooks.first - small.first).toBeLessThan(2000);
  expect(uploads.first - small.first).toBeLessThan(5100);
  expect(uploads.later - small.later).toBeLessThan(2500);
});

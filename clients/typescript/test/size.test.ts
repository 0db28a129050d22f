// What the codec adds to a page.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

/** Bytes of a module and all it needs, minified and gzipped. */
const sizeOf = async (contents: string): Promise<number> => {
  const result = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  return gzipSync(result.outputFiles[0]!.contents, { level: 9 }).length;
};

const CODEC = `export { create, fromBinary, fromJson, toBinary, toJson } from "@psd/client/codec";`;
const MESSAGES = `
  export { Chat, Item, List } from "./bench/messages/bench.js";
  export { Ack, Login } from "@psd/client/common";`;

test("the codec and five messages have at most 5 kB", async () => {
  const size = await sizeOf(CODEC + MESSAGES);
  console.info(`codec and five messages: ${size} bytes, minified and gzipped`);
  expect(size).toBeLessThanOrEqual(5000);
});

test("what is not used is not in a bundle", async () => {
  const all = await sizeOf(CODEC + MESSAGES);
  expect(await sizeOf(MESSAGES)).toBeLessThan(1000);
  expect(await sizeOf(`export { fromBinary } from "@psd/client/codec";`)).toBeLessThan(all * 0.6);
  expect(await sizeOf(`export { Timestamp } from "@psd/client/wkt"; ${CODEC}`)).toBeLessThan(all + 600);
  expect(await sizeOf(`import "@psd/client/codec"; import "@psd/client/wkt"; import "@psd/client/common"; import "./vectors/messages/index.js";`)).toBeLessThan(100);
});

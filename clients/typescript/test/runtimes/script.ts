// What Deno and Bun run: the codec's golden vectors, then conversations with the server whose address is the argument,
// each with an upload.
// Prints a line for each, and fails with an error.
import { fromBinary, fromJson, toBinary, toJson } from "../../src/codec/index.js";
import { createClient, type Dialect } from "../../src/index.js";
import { createUploads } from "../../src/upload/index.js";
import { Board, contract, Fail, Post, Posted, Watch, WhoAmI, You } from "../board/messages/index.js";
import { types } from "../vectors/messages/index.js";
import bodies from "../../../../tests/vectors/bodies.json" with { type: "json" };

function equal(seen: unknown, expected: unknown, what: string): void {
  const [one, other] = [seen, expected].map((value) => JSON.stringify(value));
  if (one !== other) throw new Error(`${what}: ${one}, expected ${other}`);
}
const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

for (const vector of bodies.written as { message: string; name: string; binary: string; proto3: string; maps?: boolean }[]) {
  const type = types.find(({ name }) => name === vector.message)!;
  const value = fromBinary(type, bytes(vector.binary));
  if (!vector.maps) equal(hex(toBinary(type, value)), vector.binary, vector.name);
  const json = toJson(type, value, { types });
  equal(toJson(type, fromJson(type, json, { types }), { types }), json, vector.name);
  const sorted = (value: any): unknown =>
    value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])) : value;
  equal(sorted(json), sorted(JSON.parse(vector.proto3)), vector.name);
}
console.log(`${bodies.written.length} vectors`);

const [url] = (globalThis as { Deno?: { args: string[] } }).Deno?.args ?? process.argv.slice(2);
for (const dialect of ["psd.v1.proto", "psd.v1.json", "classic"] satisfies Dialect[]) {
  const client = createClient({ url: url!, contract, dialect });
  equal((await client.fetch(WhoAmI, {}, You)).name, "", "nobody");
  await client.auth.login("ann", "ann");
  equal((await client.fetch(WhoAmI, {}, You)).name, "ann", "somebody");
  const pushed = new Promise<string>((resolve) => client.on(Posted, ({ text }) => resolve(text)));
  await client.fetch(Watch, { board: dialect }, Board);
  await client.send(Post, { board: dialect, text: "hello" });
  equal(await pushed, "hello", "a push");
  equal(await client.send(Fail, { code: 422, text: "no" }).catch(({ code }) => code), 422, "a refusal");
  equal((await client.cache.query(Posted, { board: dialect })).map(({ text }) => text), ["hello"], "the cache");
  const endpoint = url!.replace("ws:", "http:").replace("/ws", "/uploads");
  const uploads = createUploads(client, { endpoint, chunkSize: 1000 });
  const noise = crypto.getRandomValues(new Uint8Array(3500));
  const { url: address } = await uploads.upload(new Blob([noise]), { name: "noise" }).done;
  const stored = new Uint8Array(await (await fetch(new URL(address, endpoint))).arrayBuffer());
  equal(hex(stored), hex(noise), "the uploaded file");
  uploads.close();
  await client.auth.logout();
  client.close();
}
console.log("3 conversations");

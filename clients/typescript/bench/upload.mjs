// Uploads one file: tests/clients/large.mjs starts it. Needs `npm run build`.

import { openAsBlob } from "node:fs";
import { basename } from "node:path";
import { createClient } from "../dist/index.js";
import { createUploads } from "../dist/upload/index.js";

const [url, path, via] = process.argv.slice(2);
const WebSocket = globalThis.WebSocket ?? (await import("ws")).WebSocket;
const client = createClient({ url, WebSocket });
const uploads = createUploads(client, { endpoint: url.replace("ws:", "http:").replace("/ws", "/uploads") });
await client.auth.login("ann", "ann");
const start = performance.now();
await uploads.upload(await openAsBlob(path), { name: basename(path), via }).done;
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ seconds, mebibytes: process.resourceUsage().maxRSS / 1024 }));
uploads.close();
client.close();

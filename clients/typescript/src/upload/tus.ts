import type { Auth } from "../auth.js";
import { create } from "../codec/index.js";
import { UploadedFile } from "../common/sfiles.js";
import { timer } from "../environment.js";
import { PsdError } from "../error.js";
import { crc, crcTable } from "./crc.js";
import type { UploadsOptions } from "./types.js";

/** Milliseconds that a request without bytes of the file may take. */
const BRIEF = 30_000;

/** A refusal, and for how many milliseconds the server wants to be left alone. */
export type Refusal = PsdError & { retryAfter?: number };

/** What is said about a file. */
export interface Description {
  readonly name: string;
  readonly mime: string;
  readonly total: number;
  readonly localKey: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What the server says about an upload. */
export interface Answer {
  /** Bytes that it has. */
  readonly offset: number;
  /** The file, once it is stored. */
  readonly file: UploadedFile | undefined;
}

/** Bytes on their way. */
export interface Chunk {
  readonly offset: number;
  readonly bytes: ArrayBuffer;
  /** How many milliseconds their request may take. */
  readonly milliseconds: number;
  readonly signal: AbortSignal;
}

type Request = Partial<Pick<Chunk, "bytes" | "milliseconds" | "signal">> & { readonly headers?: Record<string, string> };

/** The requests of tus 1.0.0, with the client's token. */
export function createTus(auth: Auth, options: UploadsOptions) {
  const { checksum = true } = options;
  const call = options.fetch ?? ((url: URL, init: RequestInit) => fetch(url, init));

  async function endpoint(): Promise<URL> {
    const { endpoint = "/uploads" } = options;
    const path = typeof endpoint === "function" ? await endpoint() : endpoint;
    try {
      return new URL(path, globalThis.location?.href);
    } catch (error) {
      throw new PsdError("unreadable", `the endpoint of uploads, \`${path}\`, must be absolute where there is no page`, undefined, error);
    }
  }

  /** The address of an upload: as the server wrote it, or below the endpoint what the socket calls it. */
  async function addressOf(url: string): Promise<URL> {
    const start = await endpoint();
    return new URL(/^\w+$/.test(url) ? `${start.pathname.replace(/\/$/, "")}/${url}` : url, start);
  }

  /** Sends a request; again with another token, if the first is refused. */
  async function request(method: string, url: string, what: Request): Promise<Response> {
    await auth.ready;
    // A token that cannot be replaced now may still be good.
    if (auth.isDue() && auth.canRefresh()) await auth.refresh().catch(() => {});
    for (let tries = 1; ; tries++) {
      const { token } = auth;
      const response = await attempt(method, await addressOf(url), what, token);
      if (response.ok) return response;
      const refusal = refused(response.status, await response.text(), response.headers.get("Retry-After"));
      if (refusal.code !== 401 || !token || tries > 2) throw refusal;
      if (auth.token !== token) continue;
      if (!auth.canRefresh()) throw refusal;
      await auth.refresh();
    }
  }

  async function attempt(method: string, url: URL, what: Request, token: string | undefined): Promise<Response> {
    const { signal, milliseconds = BRIEF, bytes: body = null, headers } = what;
    const abort = new AbortController();
    const aborted = () => abort.abort();
    const stop = timer(milliseconds, aborted);
    signal?.addEventListener("abort", aborted);
    if (signal?.aborted) aborted();
    try {
      const bearer = token ? { Authorization: `Bearer ${token}` } : undefined;
      const response = await call(url, { method, headers: { "Tus-Resumable": "1.0.0", ...headers, ...bearer }, body, signal: abort.signal });
      // All of it: it may break off, too.
      const text = await response.text();
      return new Response(text || null, response);
    } catch (error) {
      throw new PsdError("disconnected", `cannot reach ${url.origin}: ${(error as Error)?.message}`, undefined, error);
    } finally {
      stop();
      signal?.removeEventListener("abort", aborted);
    }
  }

  async function answer(response: Response): Promise<Answer> {
    const offset = Number.parseInt(response.headers.get("Upload-Offset") ?? "");
    const text = await response.text();
    try {
      if (!(offset >= 0)) throw new Error("it has no `Upload-Offset`");
      return { offset, file: text ? create(UploadedFile, JSON.parse(text)) : undefined };
    } catch (error) {
      throw new PsdError("unreadable", `the answer to an upload is unreadable: ${(error as Error).message}`, undefined, error);
    }
  }

  return {
    /** Begins an upload; its URL is as the server wrote it. */
    async create({ name: filename, mime: filetype, localKey: local_key, total, metadata }: Description): Promise<Answer & { url: string }> {
      const said = Object.entries({ filename, filetype, local_key, ...metadata }).filter(([, value]) => value);
      const headers = {
        "Upload-Length": String(total),
        "Upload-Metadata": said.map(([key, value]) => `${key} ${base64(new TextEncoder().encode(value))}`).join(),
        ...PREFER,
      };
      const response = await request("POST", "", { headers });
      const url = response.headers.get("Location");
      if (!url) throw new PsdError("unreadable", "the answer to the beginning of an upload has no `Location`");
      return { ...(await answer(response)), url };
    },
    /** How much of an upload the server has. */
    async offset(url: string, signal: AbortSignal): Promise<number> {
      return (await answer(await request("HEAD", url, { signal }))).offset;
    },
    /** Sends bytes; none ask for the file that an upload has become. */
    async append(url: string, chunk: Chunk): Promise<Answer> {
      const { offset, bytes } = chunk;
      const headers: Record<string, string> = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset), ...PREFER };
      if (checksum && bytes.byteLength) headers["Upload-Checksum"] = `crc32 ${base64(bigEndian(crc(table, new Uint8Array(bytes))))}`;
      return answer(await request("PATCH", url, { ...chunk, headers }));
    },
    /** Ends an upload. */
    async terminate(url: string): Promise<void> {
      await request("DELETE", url, {});
    },
  };
}

/** Asks for the file in the answer to what has completed it (RFC 7240). */
const PREFER = { Prefer: "return=representation" };

/** The CRC-32 of zlib. */
const table = /* @__PURE__ */ crcTable(0xedb88320);

const bigEndian = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

function refused(status: number, text: string, wait: string | null): Refusal {
  let reason = `the server answered with ${status}`;
  try {
    reason = JSON.parse(text).error || reason;
  } catch {
    // Something between here and the server answered.
  }
  const retryAfter = (Number(wait) || (Date.parse(wait ?? "") - Date.now()) / 1000 || 0) * 1000;
  return Object.assign(new PsdError("refused", reason, status), { retryAfter });
}

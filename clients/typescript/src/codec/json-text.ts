import { fail } from "./error.js";
import { fromJson } from "./json.js";
import type { JsonReadOptions, JsonValue, MessageType } from "./types.js";

/**
 * The message that the text of JSON says. Other than {@link fromJson} behind `JSON.parse`, it refuses what has a key twice.
 *
 * @throws {CodecError} if the text is no JSON, or as {@link fromJson} does.
 */
export const fromJsonText = <T>(type: MessageType<T>, text: string, options?: JsonReadOptions): T => {
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch (error) {
    return fail(`this is no JSON: ${(error as Error).message}`);
  }
  findTwins(text);
  return fromJson(type, json, options);
};

/** Braces and strings; behind a key comes a colon. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}]/g;

/** Fails if an object has a key twice, of which `JSON.parse` would keep the last. The text is JSON. */
const findTwins = (text: string): void => {
  const objects: Set<string>[] = [];
  for (const [token, colon] of text.matchAll(TOKENS)) {
    if (token === "{") objects.push(new Set());
    else if (token === "}") objects.pop();
    else if (colon) {
      const key = JSON.parse(token.slice(0, -colon.length)) as string;
      const keys = objects.at(-1)!;
      if (keys.has(key)) fail(`the key ${JSON.stringify(key)} is there twice`);
      keys.add(key);
    }
  }
};

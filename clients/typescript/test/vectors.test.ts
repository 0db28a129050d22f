// The golden vectors that every language is held to; tests/vectors/README.md says what they mean.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CodecError, fromBinary, fromJson, type JsonValue, type MessageType, toBinary, toJson } from "@psd/client/codec";
import { types as numbers } from "./numbers/messages/index.js";
import { types as strings } from "./strings/messages/index.js";
import { types as bigints } from "./vectors/messages/index.js";

interface Vector {
  name?: string;
  kind?: string;
  message: string;
  dialect?: string;
  path?: string;
  text?: string;
  hex?: string;
  texts?: string[];
  meaning?: Record<string, unknown>;
  proto3: string;
  classic: string;
  binary: string;
  maps?: boolean;
}

const read = (file: string) =>
  JSON.parse(readFileSync(new URL(`../../../tests/vectors/${file}`, import.meta.url), "utf8")) as Record<string, Vector[]>;
const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const typeIn = (types: readonly MessageType[], name: string) => types.find((type) => type.name === name)!;

const bodies = read("bodies.json");

describe.each([
  ["bigint", bigints],
  ["string", strings],
  ["number", numbers],
] as const)("64-bit integers as %s", (how, types) => {
  // What does not fit into a number is refused there, and has its own test.
  const isHeld = (vector: Vector) => how !== "number" || !/\d{17}/.test(vector.proto3.replace(/\.\d+/g, ""));

  test.each(bodies.written!.filter(isHeld).map((vector) => [`${vector.message}: ${vector.name}`, vector] as const))("%s", (_, vector) => {
    const type = typeIn(types, vector.message);
    const binary = bytes(vector.binary);
    const value = fromBinary(type, binary);
    const encoded = toBinary(type, value);
    if (!vector.maps) expect(hex(encoded)).toBe(vector.binary);
    for (const names of ["proto3", "classic"] as const) {
      expect(toJson(type, value, { names, types })).toEqual(JSON.parse(vector[names]));
      expect(fromJson(type, JSON.parse(vector[names]) as JsonValue, { types })).toEqual(value);
    }
  });

  test.each(bodies.read!.map((vector) => [vector.name, vector] as const))("%s", (_, vector) => {
    const type = typeIn(types, vector.message);
    // Only servers read what today's React client writes.
    if (vector.dialect === "classic") return;
    const options = { types, ignoreUnknown: vector.dialect === "v1.json" };
    for (const text of vector.texts!) {
      // `JSON.parse` has rounded these before anybody can help it; servers write such numbers as strings.
      if (/:9007199254740993\b/.test(text)) continue;
      if (how === "number" && /9007199254740993/.test(text)) {
        expect(() => fromJson(type, JSON.parse(text) as JsonValue)).toThrow("does not fit into a number");
        continue;
      }
      const value = fromJson(type, JSON.parse(text) as JsonValue, options);
      expect(hex(toBinary(type, value)), text).toBe(vector.binary);
      expect(toJson(type, value)).toEqual(JSON.parse(vector.proto3));
    }
  });
});

test("neither the order of properties nor what no field has makes a difference", () => {
  for (const vector of bodies.written!) {
    const type = typeIn(bigints, vector.message);
    const value = fromBinary(type, bytes(vector.binary)) as object;
    if (type.special) continue;
    const [first, ...rest] = Object.entries(value);
    const others = [[...rest, first].reverse(), [first, ["noField", 1], ...rest], [["noField", 1], ...rest, first]].map((entries) => entries.filter((entry) => entry !== undefined));
    for (const other of [...others.map((entries) => Object.fromEntries(entries as [string, unknown][])), Object.create(value)]) {
      expect(toJson(type, other, { types: bigints }), vector.name).toEqual(JSON.parse(vector.proto3));
      if (!vector.maps) expect(hex(toBinary(type, other)), vector.name).toBe(vector.binary);
    }
  }
});

test.each([null, undefined, "text", 1, true])("%s is no message", (value) => {
  const { message: name } = bodies.written!.find(({ message }) => !typeIn(bigints, message).special)!;
  expect(() => toJson(typeIn(bigints, name), value)).toThrow("expected a message, found");
  expect(() => toBinary(typeIn(bigints, name), value)).toThrow("expected a message, found");
});

test("what a message means is what its fields hold", () => {
  const special = (value: unknown) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value);
  const held = (value: unknown) =>
    value instanceof Uint8Array ? hex(value) : typeof value === "bigint" ? String(value) : special(value);
  const scalars = bodies.written!.filter((vector) => vector.message === "every.kind.Scalars");
  expect(scalars.length).toBeGreaterThan(4);
  const type = typeIn(bigints, "every.kind.Scalars");
  for (const vector of scalars) {
    const value = fromBinary(type, bytes(vector.binary)) as Record<string, unknown>;
    for (const [name] of type.fields) {
      const property = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
      const empty = type.empty() as Record<string, unknown>;
      expect(held(value[property]), `${name} of ${vector.name}`).toEqual(vector.meaning![name] ?? held(empty[property]));
    }
  }
});

/** Part of what is said of each kind of mistake. */
const PHRASES: Record<string, RegExp> = {
  type: /^expected/,
  range: /^expected (u?int(32|64)|float|double)/,
  base64: /^expected bytes/,
  surrogate: /^expected string/,
  duplicate: /twice/,
  oneof: /oneof/,
  depth: /deeper/,
  any: /no message/,
  truncated: /too early/,
  "wire-type": /wire type/,
  utf8: /UTF-8/,
  key: /wire type/,
  varint: /varint/,
};

/** What `JSON.parse` says of it; the rest is ours. */
const parse = (text: string): JsonValue | SyntaxError => {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    return error as SyntaxError;
  }
};

test.each(read("refused.json").bodies!.map((vector, index) => [`${index} ${vector.kind} ${vector.message}`, vector] as const))(
  "refused: %s",
  (_, vector) => {
    const type = typeIn(bigints, vector.message);
    if (vector.hex !== undefined) {
      expect(() => fromBinary(type, bytes(vector.hex!))).toThrow(PHRASES[vector.kind!]!);
      return;
    }
    const json = parse(vector.text!);
    if (vector.kind === "syntax") {
      expect(json).toBeInstanceOf(SyntaxError);
      return;
    }
    // `JSON.parse` keeps the last of two equal keys, and nobody can tell that there was another.
    const isSeen = vector.text !== '{"aString":"x","aString":"y"}';
    try {
      fromJson(type, json as JsonValue, { types: bigints, ignoreUnknown: true });
    } catch (error) {
      expect(error).toBeInstanceOf(CodecError);
      expect((error as CodecError).problem).toMatch(PHRASES[vector.kind!]!);
      expect((error as CodecError).path).toBe(vector.path);
      return;
    }
    expect(isSeen, vector.text).toBe(false);
  },
);

// The messages that the client itself speaks are part of those that are generated.

import { expect, test } from "vitest";
import { create, toJson, type MessageType } from "../../src/codec/index.js";
import * as common from "../../src/common/index.js";
import * as wire from "../../src/wire.js";

const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
const whole = common as unknown as Record<string, MessageType>;
const { Frame: _, ...parts } = wire as unknown as Record<string, MessageType>;

test.each(Object.entries(parts))("%s", (name, part) => {
  const { type, fields } = whole[name]!;
  expect(part.type || undefined).toBe(type);
  const known = new Map(fields.map(([field, number, kind]) => [number, [camel(field), number, kind]]));
  for (const [field, number, kind] of part.fields) expect([field, number, kind]).toEqual(known.get(number));
  expect(whole[name]!.empty()).toMatchObject(part.empty() as object);
  expect(toJson(part, create(part))).toEqual({});
});

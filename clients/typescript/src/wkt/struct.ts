import { enter, expected, fail, leave } from "../codec/error.js";
import { message, put } from "../codec/message.js";
import type { JsonObject, JsonValue, MessageType } from "../codec/types.js";

/** `google.protobuf.NullValue`: the enum with one value, which is `null` in JSON. */
export const NullValue = { NULL_VALUE: 0 } as const;
export type NullValue = 0;

/** `google.protobuf.Value` on the wire. */
interface Kind {
  kind: { case: string | undefined; value?: any };
}

const wrap = (value: JsonValue): Kind => {
  switch (typeof value) {
    case "number":
      return { kind: { case: "numberValue", value } };
    case "string":
      return { kind: { case: "stringValue", value } };
    case "boolean":
      return { kind: { case: "boolValue", value } };
    case "object":
      if (value === null) return { kind: { case: "nullValue", value: 0 } };
      return { kind: { case: Array.isArray(value) ? "listValue" : "structValue", value } };
    default:
      return fail(`expected a value of JSON, found ${typeof value}`);
  }
};

// A value that does not say what it is, is null as well.
const unwrap = ({ kind }: Kind): JsonValue => (kind.case === "nullValue" ? null : (kind.value ?? null));

/** What is said of JSON both ways: every number in it is one, and it is not nested too deeply to be worked on. */
const finite = (value: JsonValue): JsonValue => {
  enter();
  if (typeof value === "number" && !Number.isFinite(value)) {
    fail(`${value} is no number that a \`google.protobuf.Value\` can have in JSON`);
  }
  if (typeof value === "object" && value) for (const item of Object.values(value)) finite(item);
  leave();
  return value;
};

/** `google.protobuf.Value`: anything that JSON can say. */
export const Value: MessageType<JsonValue, undefined, undefined> = /* @__PURE__ */ message(
  { name: "google.protobuf.Value" },
  () => ({ kind: { case: undefined } }),
  [
    ["null_value", 1, "null", () => NullValue, "kind"],
    ["number_value", 2, "double", 0, "kind"],
    ["string_value", 3, "string", 0, "kind"],
    ["bool_value", 4, "bool", 0, "kind"],
    ["struct_value", 5, "message", () => Struct, "kind"],
    ["list_value", 6, "message", () => ListValue, "kind"],
  ],
  { wrap, unwrap, nullable: true, toJson: (value) => finite(value), fromJson: (json) => finite(json) },
);

/** `google.protobuf.Struct`: an object of JSON. */
export const Struct: MessageType<JsonObject, undefined, undefined> = /* @__PURE__ */ message(
  { name: "google.protobuf.Struct" },
  () => ({ fields: {} }),
  [["fields", 1, "string:message", () => Value]],
  {
    wrap: (fields: JsonObject) => {
      const copy: JsonObject = {};
      for (const key of Object.keys(fields)) put(copy, key, fields[key]);
      return { fields: copy };
    },
    unwrap: (message: { fields: JsonObject }) => message.fields,
    toJson: (value) => finite(value),
    fromJson: (json) => (typeof json === "object" && json && !Array.isArray(json) ? finite(json) : expected("an object", json)),
  },
);

/** `google.protobuf.ListValue`: an array of JSON. */
export const ListValue: MessageType<JsonValue[], undefined, undefined> = /* @__PURE__ */ message(
  { name: "google.protobuf.ListValue" },
  () => ({ values: [] }),
  [["values", 1, "message[]", () => Value]],
  {
    wrap: (values: JsonValue[]) => ({ values: [...values] }),
    unwrap: (message: { values: JsonValue[] }) => message.values,
    toJson: (value) => finite(value),
    fromJson: (json) => (Array.isArray(json) ? finite(json) : expected("an array", json)),
  },
);

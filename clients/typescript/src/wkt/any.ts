import { aside, expected, fail } from "../codec/error.js";
import { readMessage, writeMessage } from "../codec/json.js";
import { message, planOf } from "../codec/message.js";
import type { AnyOptions, JsonObject, JsonReadOptions, JsonValue, JsonWriteOptions, MessageType } from "../codec/types.js";
import { fromBinary } from "../codec/read.js";
import { toBinary } from "../codec/write.js";
import { Empty, FieldMask } from "./other.js";
import { ListValue, Struct, Value } from "./struct.js";
import { Duration, Timestamp } from "./time.js";
import {
  BoolValue,
  BytesValue,
  DoubleValue,
  FloatValue,
  Int32Value,
  Int64Value,
  StringValue,
  UInt32Value,
  UInt64Value,
} from "./wrappers.js";

/** A message of any type: its name behind a slash, and its bytes. */
export interface Any {
  typeUrl: string;
  value: Uint8Array;
}

/** The types that need not be named. */
const KNOWN = (): MessageType[] => [
  Any,
  BoolValue,
  BytesValue,
  DoubleValue,
  Duration,
  Empty,
  FieldMask,
  FloatValue,
  Int32Value,
  Int64Value,
  ListValue,
  StringValue,
  Struct,
  Timestamp,
  UInt32Value,
  UInt64Value,
  Value,
];

const find = (url: string, { types = [] }: AnyOptions): MessageType =>
  ([...types, ...KNOWN()].find(({ name }) => url.endsWith(`/${name}`))) ??
  fail(`an \`Any\` of type \`${url}\` is of no message that is known here; name it in \`types\``);

const anyToJson = (any: Any, options: JsonWriteOptions): JsonValue => {
  if (!any.typeUrl && !any.value.length) return {};
  const type = find(any.typeUrl, options);
  const json = writeMessage(planOf(type), aside(() => fromBinary(type, any.value)), options);
  const isPlain = !type.special?.toJson;
  return isPlain ? { "@type": any.typeUrl, ...(json as JsonObject) } : { "@type": any.typeUrl, value: json };
};

const anyFromJson = (json: JsonValue, options: JsonReadOptions): Any => {
  if (typeof json !== "object" || !json || Array.isArray(json)) return expected("an object", json);
  const typeUrl = json["@type"];
  if (typeUrl === undefined && !Object.keys(json).length) return { typeUrl: "", value: new Uint8Array(0) };
  if (typeof typeUrl !== "string") return fail("`@type` is missing");
  const type = find(typeUrl, options);
  const value = type.special?.fromJson ? readMessage(planOf(type), json["value"] ?? null, options) : readMessage(planOf(type), json, options, "@type");
  return { typeUrl, value: aside(() => toBinary(type, value)) };
};

/** `google.protobuf.Any`; in JSON, the message with its name as `@type`. */
export const Any: MessageType<Any, undefined, undefined> = /* @__PURE__ */ message(
  { name: "google.protobuf.Any" },
  () => ({ typeUrl: "", value: new Uint8Array(0) }),
  [["type_url", 1, "string"], ["value", 2, "bytes"]],
  { toJson: anyToJson, fromJson: anyFromJson },
);

/** A message as an `Any`. */
export const pack = <T>(type: MessageType<T>, value: T): Any => ({
  typeUrl: `type.googleapis.com/${type.name}`,
  value: toBinary(type, value),
});

/** The message that an `Any` holds, if it is of this type. */
export const unpack = <T>(type: MessageType<T>, any: Any): T | undefined =>
  any.typeUrl.endsWith(`/${type.name}`) ? fromBinary(type, any.value) : undefined;

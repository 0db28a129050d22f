import { begin, enter, fail, leave } from "./error.js";
import { BOOL, type Field, ENUM, INT32, LIST, MAP, MESSAGE, namesOf, NULL, ONEOF, planOf, put, SINGLE, STRING, type Type, typeOf } from "./message.js";
import { MAX_DEPTH } from "./read.js";
import { expected, scalarFromJson, scalarToJson } from "./scalar.js";
import type { EnumType, JsonObject, JsonReadOptions, JsonValue, JsonWriteOptions, MessageType } from "./types.js";
import { isDefault } from "./write.js";

let depth = 0;

/**
 * A message as JSON, for `JSON.stringify`.
 *
 * @throws {CodecError} if it holds what JSON cannot say, such as a timestamp beyond the year 9999.
 */
export const toJson = <T>(type: MessageType<T>, value: T, options: JsonWriteOptions = {}): JsonValue => {
  begin();
  depth = 0;
  return writeMessage(type as Type, value, options);
};

/**
 * The message that JSON says; takes what `JSON.parse` returns. Fields have any of their names: the one in the .proto
 * file, that of proto3 JSON, the classic one.
 *
 * @throws {CodecError} naming the field and what is wrong with it.
 */
export const fromJson = <T>(type: MessageType<T>, json: JsonValue, options: JsonReadOptions = {}): T => {
  begin();
  depth = 0;
  return readMessage(type as Type, json, options) as T;
};

const deeper = (): void => {
  if (++depth > MAX_DEPTH) fail(`messages are nested deeper than ${MAX_DEPTH} levels`);
};

export const writeMessage = (type: Type, message: any, options: JsonWriteOptions): JsonValue => {
  const { special } = type;
  deeper();
  if (special?.toJson) {
    const json = special.toJson(message, options);
    depth--;
    return json;
  }
  if (typeof message !== "object" || !message) expected("a message", message);
  const json: JsonObject = {};
  const isClassic = options.names === "classic";
  for (const field of planOf(type).fields) {
    let held = message[field.property];
    if (held == null && !(held === null && isNullable(field))) continue;
    const { label } = field;
    if (label === SINGLE && isDefault(field.kind, held)) continue;
    if (label === ONEOF) {
      if (held.case !== field.name) continue;
      held = held.value;
    }
    enter(field.name);
    if (label === LIST) {
      if (held.length) put(json, isClassic ? field.classic : field.proto3, held.map((item: unknown) => writeValue(field, item, options)));
    } else if (label === MAP) {
      const keys = Object.keys(held);
      const entries: JsonObject = {};
      for (const key of keys) put(entries, key, writeValue(field, held[key], options));
      if (keys.length) put(json, isClassic ? field.classic : field.proto3, entries);
    } else put(json, isClassic ? field.classic : field.proto3, writeValue(field, held, options));
    leave();
  }
  depth--;
  return json;
};

const writeValue = (field: Field, value: any, options: JsonWriteOptions): JsonValue => {
  const { kind } = field;
  if (kind === MESSAGE) return writeMessage(typeOf(field), value, options);
  if (kind === ENUM) return namesOf(field).get(value) ?? value;
  return kind === NULL ? null : scalarToJson(kind, value);
};

const isNullable = (field: Field): boolean => field.kind === NULL || (field.kind === MESSAGE && !!typeOf(field).special?.nullable);

/** What stands for an enum value whose name is not known. */
const ABSENT = Symbol();

export const readMessage = (type: Type, json: JsonValue, options: JsonReadOptions, skip?: string): unknown => {
  const { special } = type;
  deeper();
  if (special?.fromJson) {
    const value = special.fromJson(json, options);
    depth--;
    return value;
  }
  if (typeof json !== "object" || !json || Array.isArray(json)) return expected("an object", json);
  const message: any = type.empty();
  const { json: names } = planOf(type);
  const seen = new Set<string>();
  for (const key of Object.keys(json)) {
    if (key === skip) continue;
    enter(key);
    const field = names.get(key);
    if (!field) {
      if (!options.ignoreUnknown) fail(`unknown field \`${key}\``);
    } else readField(field, json[key]!, message, seen, options);
    leave();
  }
  depth--;
  return message;
};

const readField = (field: Field, json: JsonValue, message: any, seen: Set<string>, options: JsonReadOptions): void => {
  const { name, label, property } = field;
  if (seen.has(name)) fail("the field is there twice");
  seen.add(name);
  if (json === null && (label >= LIST || !isNullable(field))) return;
  if (label === LIST) {
    if (!Array.isArray(json)) return expected("an array", json);
    json.forEach((item, index) => {
      enter(index);
      const value = readValue(field, item, options);
      if (value !== ABSENT) message[name].push(value);
      leave();
    });
  } else if (label === MAP) {
    if (typeof json !== "object" || Array.isArray(json)) return expected("an object", json);
    for (const key of Object.keys(json!)) {
      enter(key);
      const value = readValue(field, json![key]!, options);
      if (value !== ABSENT) put(message[name], keyFromJson(field, key), value);
      leave();
    }
  } else {
    const value = readValue(field, json, options);
    if (value === ABSENT) return;
    if (label === ONEOF) {
      if (message[property].case) fail("another field of the same oneof is there already");
      message[property] = { case: name, value };
    } else message[name] = value;
  }
};

const readValue = (field: Field, json: JsonValue, options: JsonReadOptions): unknown => {
  const { kind } = field;
  if (kind === MESSAGE) return readMessage(typeOf(field), json, options);
  if (kind === NULL) return json === null || json === "NULL_VALUE" || json === 0 ? 0 : expected("null", json);
  if (kind !== ENUM) return scalarFromJson(kind, field.long, json);
  const values = field.ref() as EnumType;
  if (typeof json === "string") {
    if (Object.hasOwn(values, json)) return values[json];
    if (options.ignoreUnknown) return ABSENT;
  } else if (typeof json === "number") return scalarFromJson(INT32, 0, json);
  return expected(`one of ${Object.keys(values).join(", ")}`, json);
};

const keyFromJson = (field: Field, key: string): string => {
  const { kind } = field.keyField!;
  if (kind === STRING) return scalarFromJson(kind, 0, key) as string;
  if (kind === BOOL) return key === "true" || key === "false" ? key : fail("expected a key that is `true` or `false`");
  return String(scalarFromJson(kind, 0, key));
};

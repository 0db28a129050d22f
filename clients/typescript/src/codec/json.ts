import { fail, within } from "./error.js";
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
  let field: Field | undefined;
  try {
    for (field of planOf(type).fields) {
      const held = message[field.property];
      if (held == null && !(held === null && isNullable(field))) continue;
      const { label } = field;
      let written: JsonValue;
      if (label === LIST) {
        if (!held.length) continue;
        written = writeList(field, held, options);
      } else if (label === MAP) {
        const keys = Object.keys(held);
        if (!keys.length) continue;
        written = writeMap(field, held, keys, options);
      } else if (label === ONEOF) {
        if (held.case !== field.name) continue;
        written = writeValue(field, held.value, options);
      } else {
        if (label === SINGLE && isDefault(field.kind, held)) continue;
        written = writeValue(field, held, options);
      }
      put(json, isClassic ? field.classic : field.proto3, written);
    }
  } catch (error) {
    throw within(error, field?.name);
  }
  depth--;
  return json;
};

const writeList = (field: Field, items: readonly unknown[], options: JsonWriteOptions): JsonValue => {
  const json: JsonValue[] = [];
  try {
    for (const item of items) json.push(writeValue(field, item, options));
  } catch (error) {
    throw within(error, json.length);
  }
  return json;
};

const writeMap = (field: Field, map: any, keys: string[], options: JsonWriteOptions): JsonValue => {
  const json: JsonObject = {};
  let key: string | undefined;
  try {
    for (key of keys) put(json, key, writeValue(field, map[key], options));
  } catch (error) {
    throw within(error, key);
  }
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
  const names = planOf(type).json;
  let key: string | undefined;
  try {
    for (key of Object.keys(json)) {
      const field = names.get(key);
      if (field) {
        // `JSON.parse` leaves every key once: only under another name can the field be there again.
        if (key !== field.proto3) {
          const other = [field.proto3, field.classic].find((name) => name !== key && names.get(name) === field && Object.hasOwn(json, name));
          if (other) {
            const keys = Object.keys(json);
            if (keys.indexOf(other) > keys.indexOf(key)) key = other;
            fail("the field is there twice");
          }
        }
        readField(field, json[key]!, message, options);
      } else if (!options.ignoreUnknown && key !== skip) fail(`unknown field \`${key}\``);
    }
  } catch (error) {
    throw within(error, key);
  }
  depth--;
  return message;
};

const readField = (field: Field, json: JsonValue, message: any, options: JsonReadOptions): void => {
  const { name, label, property } = field;
  if (json === null && (label >= LIST || !isNullable(field))) return;
  if (label === LIST) {
    if (!Array.isArray(json)) return expected("an array", json);
    readList(field, json, message[name], options);
  } else if (label === MAP) {
    if (typeof json !== "object" || Array.isArray(json)) return expected("an object", json);
    readMap(field, json!, message[name], options);
  } else {
    const value = readValue(field, json, options);
    if (value === ABSENT) return;
    if (label === ONEOF) {
      if (message[property].case) fail("another field of the same oneof is there already");
      message[property] = { case: name, value };
    } else message[name] = value;
  }
};

const readList = (field: Field, json: readonly JsonValue[], list: unknown[], options: JsonReadOptions): void => {
  let index = 0;
  try {
    for (; index < json.length; index++) {
      const value = readValue(field, json[index]!, options);
      if (value !== ABSENT) list.push(value);
    }
  } catch (error) {
    throw within(error, index);
  }
};

const readMap = (field: Field, json: JsonObject, map: any, options: JsonReadOptions): void => {
  let key: string | undefined;
  try {
    for (key of Object.keys(json)) {
      const value = readValue(field, json[key]!, options);
      if (value !== ABSENT) put(map, keyFromJson(field, key), value);
    }
  } catch (error) {
    throw within(error, key);
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

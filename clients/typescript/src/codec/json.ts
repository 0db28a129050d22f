import { begin, enter, expected, fail, leave, within } from "./error.js";
import { BOOL, ENUM, type Field, KINDS, LIST, MAP, MESSAGE, NULL, ONEOF, type Plan, planIn, planOf, put, STRING } from "./message.js";
import { scalarFromJson, scalarToJson } from "./json-scalar.js";
import { isOf, keyOf } from "./scalar.js";
import type { EnumType, JsonObject, JsonReadOptions, JsonValue, JsonWriteOptions, MessageType } from "./types.js";
import { eachField, isNullable } from "./write.js";

/**
 * A message as JSON, for `JSON.stringify`.
 *
 * @throws {CodecError} if it holds what JSON cannot say, such as a timestamp beyond the year 9999.
 */
export const toJson = <T>(type: MessageType<T>, value: T, options: JsonWriteOptions = {}): JsonValue => {
  begin();
  return writeMessage(planOf(type), value, options);
};

/**
 * The message that JSON says; takes what `JSON.parse` returns. Fields have any of their names: the one in the .proto
 * file, that of proto3 JSON, the classic one.
 *
 * @throws {CodecError} naming the field and what is wrong with it.
 */
export const fromJson = <T>(type: MessageType<T>, json: JsonValue, options: JsonReadOptions = {}): T => {
  begin();
  return readMessage(planOf(type), json, options) as T;
};

export const writeMessage = (plan: Plan, message: any, options: JsonWriteOptions): JsonValue => {
  if (plan.special?.toJson) return plan.special.toJson(message, options);
  const json: JsonObject = {};
  enter();
  eachField(plan, message, writeField, json, options);
  leave();
  return json;
};

const writeField = (field: Field, held: any, json: JsonObject, options: JsonWriteOptions): void => {
  const { label } = field;
  let written: any = held;
  if (label === LIST) {
    written = [];
    for (const item of held) written.push(writeValue(field, item, options));
  } else if (label === MAP) {
    written = undefined;
    for (const key of Object.keys(held)) put((written ??= {}), key, writeValue(planIn(field).fields[1]!, held[key], options));
    if (!written) return;
  } else if (field.kind !== STRING && field.kind !== BOOL) written = writeValue(field, held, options);
  put(json, options.names === "classic" ? field.classic : field.proto3, written);
};

const writeValue = (field: Field, value: any, options: JsonWriteOptions): JsonValue => {
  const { kind, form } = field;
  if (kind === MESSAGE) return writeMessage(planIn(field), value, options);
  if (kind === ENUM) return enumNames(field)[value] ?? value;
  return kind === NULL ? null : scalarToJson(kind, form ? form.from(value) : value);
};

/** The names of an enum's numbers: the first of each. */
const enumNames = (field: Field): Record<number, string> =>
  (field.names ??= Object.fromEntries(
    Object.entries(field.ref!() as EnumType)
      .reverse()
      .map(([name, number]) => [number, name]),
  ));

/** What stands for an enum value whose name is not known. */
const ABSENT = Symbol();

export const readMessage = (plan: Plan, json: JsonValue, options: JsonReadOptions, skip?: string): unknown => {
  enter();
  const { special, names } = plan;
  let message: any;
  if (special?.fromJson) message = special.fromJson(json, options);
  else {
    message = plan.empty();
    const object = objectOf(json);
    const keys = Object.keys(object);
    let key: string | undefined;
    try {
      for (key of keys) {
        const field = names.get(key);
        if (field) {
          // `JSON.parse` leaves every key once: only under another name can the field be there again.
          if (key !== field.proto3) {
            const [, again] = keys.filter((key) => names.get(key) === field);
            if (again) {
              key = again;
              fail("the field is there twice");
            }
          }
          readField(field, object[key]!, message, options);
        } else if (!options.ignoreUnknown && key !== skip) fail(`unknown field \`${key}\``);
      }
    } catch (error) {
      throw within(error, key);
    }
  }
  leave();
  return message;
};

const objectOf = (json: JsonValue): JsonObject =>
  typeof json !== "object" || !json || Array.isArray(json) ? expected("an object", json) : json;

const readField = (field: Field, json: JsonValue, message: any, options: JsonReadOptions): void => {
  const { name, label, property } = field;
  if (json === null && (label >= LIST || !isNullable(field))) return;
  let step: string | number | undefined;
  let value: unknown;
  try {
    if (label === LIST) {
      if (!Array.isArray(json)) return expected("an array", json);
      for (step = 0; step < json.length; step++) {
        if ((value = readValue(field, json[step]!, options)) !== ABSENT) message[name].push(value);
      }
    } else if (label === MAP) {
      const object = objectOf(json);
      const [key, item] = planIn(field).fields;
      for (step of Object.keys(object)) {
        const kept = keyOf(key!.kind, step);
        if (!isOf(key!.kind, kept)) expected(KINDS[key!.kind]!, step);
        if ((value = readValue(item!, object[step]!, options)) !== ABSENT) put(message[name], String(kept), value);
      }
    } else if ((value = readValue(field, json, options)) !== ABSENT) {
      if (label !== ONEOF) message[name] = value;
      else if (message[property].case) fail("the oneof is there twice");
      else message[property] = { case: name, value };
    }
  } catch (error) {
    throw within(error, step);
  }
};

const readValue = (field: Field, json: JsonValue, options: JsonReadOptions): unknown => {
  const { kind, form } = field;
  if (kind === MESSAGE) return readMessage(planIn(field), json, options);
  if (kind === NULL) return json === null || json === "NULL_VALUE" || json === 0 ? 0 : expected("null", json);
  if (kind === ENUM && typeof json === "string") {
    const values = field.ref!() as EnumType;
    if (Object.hasOwn(values, json)) return values[json];
    return options.ignoreUnknown ? ABSENT : expected(`one of ${Object.keys(values).join(", ")}`, json);
  }
  const value = scalarFromJson(kind, json);
  return form ? form.of(value as bigint) : value;
};

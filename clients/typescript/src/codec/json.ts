import { begin, enter, expected, fail, leave, within } from "./error.js";
import { BOOL, ENUM, type Field, KINDS, LIST, MAP, MESSAGE, NULL, ONEOF, type Plan, planIn, planOf, put, STRING } from "./message.js";
import { scalarFromJson, scalarToJson } from "./json-scalar.js";
import { isOf, keyOf } from "./scalar.js";
import type { EnumType, JsonObject, JsonReadOptions, JsonValue, JsonWriteOptions, MessageType } from "./types.js";
import { heldIn, isNullable } from "./write.js";

const NONE = {};

/**
 * A message as JSON, for `JSON.stringify`.
 *
 * @throws {CodecError} if it holds what JSON cannot say, such as a timestamp beyond the year 9999.
 */
export const toJson = <T>(type: MessageType<T>, value: T, options: JsonWriteOptions = NONE): JsonValue => {
  begin();
  return writeMessage(planOf(type), value, options);
};

/**
 * The message that JSON says; takes what `JSON.parse` returns. Fields have any of their names: the one in the .proto
 * file, that of proto3 JSON, the classic one.
 *
 * @throws {CodecError} naming the field and what is wrong with it.
 */
export const fromJson = <T>(type: MessageType<T>, json: JsonValue, options: JsonReadOptions = NONE): T => {
  begin();
  return readMessage(planOf(type), json, options) as T;
};

export const writeMessage = (plan: Plan, message: any, options: JsonWriteOptions): JsonValue => {
  const { special, fields } = plan;
  if (special?.toJson) return special.toJson(message, options);
  if (typeof message !== "object" || !message) expected("a message", message);
  enter();
  const json: JsonObject = {};
  let field: Field | undefined;
  let index = 0;
  try {
    // Engines find what a message holds in less time while they walk through it; where it was made here, that is the
    // order of its fields. What is left, from the first difference on, is looked up.
    for (const name in message) {
      field = fields[index];
      if (field?.property !== name) break;
      writeField(field, message[name], json, options);
      index++;
    }
    for (; (field = fields[index]); index++) writeField(field, message[field.property], json, options);
  } catch (error) {
    throw within(error, field?.name);
  }
  leave();
  return json;
};

const writeField = (field: Field, own: unknown, json: JsonObject, options: JsonWriteOptions): void => {
  const { kind, label } = field;
  let held = heldIn(field, own);
  if (held === undefined) return;
  if (label >= LIST) held = (label === LIST ? writeList : writeMap)(field, held, options);
  else if (kind !== STRING && kind !== BOOL) held = writeValue(field, held, options);
  if (held !== undefined) put(json, options.names === "classic" ? field.classic : field.proto3, held);
};

// Lists and maps are not part of what engines compile for every field.
const writeList = (field: Field, held: any, options: JsonWriteOptions): JsonValue => {
  const list = [];
  for (const item of held) list.push(writeValue(field, item, options));
  return list;
};

const writeMap = (field: Field, held: any, options: JsonWriteOptions): JsonObject | undefined => {
  let written: JsonObject | undefined;
  for (const key of Object.keys(held)) put((written ??= {}), key, writeValue(planIn(field).fields[1]!, held[key], options));
  return written;
};

/** The names of an enum's numbers: the first of each. */
const enumNames = (field: Field): Record<number, string> =>
  (field.names ??= Object.fromEntries(
    Object.entries(field.ref!() as EnumType)
      .reverse()
      .map(([name, number]) => [number, name]),
  ));

const writeValue = (field: Field, value: any, options: JsonWriteOptions): JsonValue => {
  const { kind, form } = field;
  if (kind === MESSAGE) return writeMessage(planIn(field), value, options);
  if (kind === ENUM) return enumNames(field)[value] ?? value;
  return kind === NULL ? null : scalarToJson(kind, form ? form.from(value) : value);
};

export const readMessage = (plan: Plan, json: JsonValue, options: JsonReadOptions, skip?: string): unknown => {
  enter();
  const { special } = plan;
  let message: any;
  if (special?.fromJson) message = special.fromJson(json, options);
  else {
    message = plan.empty();
    const object = objectOf(json);
    const names = (plan.names ??= namesOf(plan));
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

/** The fields of a message by every name that JSON may use. */
const namesOf = ({ fields }: Plan): Map<string, Field> =>
  // A name in the .proto file goes before another field's proto3 name, and that before its classic one.
  new Map((["classic", "proto3", "proto"] as const).flatMap((name) => fields.map((field) => [field[name], field] as const).reverse()));

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
        if ((value = readValue(field, json[step]!, options)) !== undefined) message[name].push(value);
      }
    } else if (label === MAP) {
      const object = objectOf(json);
      const [key, item] = planIn(field).fields;
      for (step of Object.keys(object)) {
        const kept = keyOf(key!.kind, step);
        if (!isOf(key!.kind, kept)) expected(KINDS[key!.kind]!, step);
        if ((value = readValue(item!, object[step]!, options)) !== undefined) put(message[name], String(kept), value);
      }
    } else if ((value = readValue(field, json, options)) !== undefined) {
      if (label !== ONEOF) message[name] = value;
      else if (message[property].case) fail("the oneof is there twice");
      else message[property] = { case: name, value };
    }
  } catch (error) {
    throw within(error, step);
  }
};

/** A value; `undefined` for an enum value whose name is not known. */
const readValue = (field: Field, json: JsonValue, options: JsonReadOptions): unknown => {
  const { kind, form } = field;
  if (kind === MESSAGE) return readMessage(planIn(field), json, options);
  if (kind === NULL) return json === null || json === "NULL_VALUE" || json === 0 ? 0 : expected("null", json);
  if (kind === ENUM && typeof json === "string") {
    const values = field.ref!() as EnumType;
    if (Object.hasOwn(values, json)) return values[json];
    return options.ignoreUnknown ? undefined : expected(`one of ${Object.keys(values).join(", ")}`, json);
  }
  const value = scalarFromJson(kind, json);
  return form ? form.of(value as bigint) : value;
};

import type { CacheKeys, EnumType, FieldInfo, MessageType, Origin, Special } from "./types.js";

/** What generated code says of a message beside its fields. */
interface Info {
  readonly name: string;
  readonly type?: string;
  readonly origin?: Origin;
  readonly auth?: boolean;
  readonly cache?: number;
  readonly keys?: CacheKeys;
}

/** Makes the constant of a message; for generated code. */
export const message = <M extends MessageType>(
  info: Info,
  empty: () => object,
  fields: readonly FieldInfo[],
  special?: Special,
): M =>
  ({
    name: info.name,
    type: info.type,
    origin: info.origin,
    auth: info.auth,
    cache: info.cache,
    keys: info.keys ?? {},
    fields,
    empty,
    special,
    plan: undefined,
  }) as unknown as M;

// The numbers of protobuf's own FieldDescriptorProto.Type; what is not there is a group, whose place `null` takes: the
// enum whose JSON is `null`.
export const DOUBLE = 1;
export const FLOAT = 2;
export const INT64 = 3;
export const UINT64 = 4;
export const INT32 = 5;
export const FIXED64 = 6;
export const FIXED32 = 7;
export const BOOL = 8;
export const STRING = 9;
export const NULL = 10;
export const MESSAGE = 11;
export const BYTES = 12;
export const UINT32 = 13;
export const ENUM = 14;
export const SFIXED32 = 15;
export const SFIXED64 = 16;
export const SINT32 = 17;
export const SINT64 = 18;
const KINDS =
  " double float int64 uint64 int32 fixed64 fixed32 bool string null message bytes uint32 enum sfixed32 sfixed64 sint32 sint64".split(
    " ",
  );
/** The wire type of each kind. */
const WIRE = [0, 1, 5, 0, 0, 0, 1, 5, 0, 2, 0, 2, 2, 0, 0, 5, 1, 0, 0];

export const SINGLE = 0;
export const OPTIONAL = 1;
export const ONEOF = 2;
export const LIST = 3;
export const MAP = 4;

/** How an integer of 64 bits is held. */
export const BIGINT = 0;
export const AS_STRING = 1;
export const AS_NUMBER = 2;

/** A field as the codecs want it. */
export interface Field {
  /** In TypeScript. */
  readonly name: string;
  /** The property that holds it: its own, or the one of its oneof. */
  readonly property: string;
  readonly proto3: string;
  readonly classic: string;
  readonly kind: number;
  readonly label: number;
  readonly tag: number;
  readonly packed: boolean;
  /** The kind of a map's keys. */
  readonly key: number;
  readonly long: number;
  /** Of a map, its values as if they were fields. */
  readonly value: Field | undefined;
  readonly keyField: Field | undefined;
  readonly ref: () => any;
  /** The message of the field; looked up once. */
  type: Type | undefined;
  /** The names of an enum by number; looked up once. */
  names: Map<number, string> | undefined;
  /** The field that comes next on the wire, if all are there. */
  next: Field;
}

/** What is made of a message's fields when it is first used. */
export interface Plan {
  /** The one that is expected first on the wire. */
  readonly first: Field | undefined;
  readonly fields: readonly Field[];
  readonly tags: Map<number, Field>;
  readonly numbers: Set<number>;
  /** By every name that JSON may use. */
  readonly json: Map<string, Field>;
}

/** A message type as the codecs see it. */
export interface Type extends MessageType {
  plan: Plan | undefined;
}

const raise = (_: string, letter = ""): string => letter.toUpperCase();

const compileField = (info: FieldInfo, type = info[2]): Field => {
  const [proto, number, , ref, oneof, json] = info;
  const [, key, kindName, long, mark] = /^(?:(\w+):)?(\w+)(?: (\w+))?(\W*)$/.exec(type) as unknown as string[];
  const kind = KINDS.indexOf(kindName!);
  const classic = proto.replace(/_([a-z])/g, raise);
  const name = info[6] ?? classic;
  const label = key ? MAP : mark === "?" ? OPTIONAL : mark ? LIST : oneof ? ONEOF : kind === MESSAGE ? OPTIONAL : SINGLE;
  const isPacked = mark === "[]" && WIRE[kind] !== 2;
  const entry = (number: number, type: string, ref?: FieldInfo[3]) =>
    key ? compileField(["", number, type + "?", ref ?? 0]) : undefined;
  const field = {
    name,
    property: oneof || name,
    proto3: json || proto.replace(/_+(.)?/g, raise),
    classic,
    kind,
    label,
    tag: ((number << 3) | (key || isPacked ? 2 : WIRE[kind]!)) >>> 0,
    packed: isPacked,
    key: KINDS.indexOf(key ?? ""),
    long: long ? (long === "string" ? AS_STRING : AS_NUMBER) : BIGINT,
    keyField: entry(1, key!),
    value: entry(2, kindName + (long ? " " + long : ""), ref),
    ref: ref || (() => undefined),
    type: undefined,
    names: undefined,
  } as unknown as Field;
  field.next = field;
  return field;
};

/** The plan of a message, made when it is first needed: messages refer to each other in circles. */
export const planOf = (type: Type): Plan => {
  if (type.plan) return type.plan;
  const fields = type.fields.map((info) => compileField(info));
  const tags = new Map<number, Field>();
  const json = new Map<string, Field>();
  const numbers = new Set<number>();
  fields.forEach((field, index) => {
    field.next = fields[(index + 1) % fields.length]!;
    tags.set(field.tag, field);
    numbers.add(field.tag >>> 3);
    // Lists are read both ways, however they are written.
    if (field.label === LIST && WIRE[field.kind] !== 2) {
      tags.set(((field.tag & ~7) | (field.packed ? WIRE[field.kind]! : 2)) >>> 0, field);
    }
  });
  // A name in the .proto file goes before another field's proto3 name, and that before its classic one.
  for (const name of [(index: number) => type.fields[index]![0], (index: number) => fields[index]!.proto3, (index: number) => fields[index]!.classic]) {
    fields.forEach((field, index) => json.has(name(index)) || json.set(name(index), field));
  }
  return (type.plan = { first: fields[0], fields, tags, numbers, json });
};

/** The message of a field. */
export const typeOf = (field: Field): Type => (field.type ??= field.ref() as Type);

/** The names of an enum's numbers: the first of each. */
export const namesOf = (field: Field): Map<number, string> => {
  if (!field.names) {
    field.names = new Map();
    for (const [name, number] of Object.entries(field.ref() as EnumType)) {
      if (!field.names.has(number)) field.names.set(number, name);
    }
  }
  return field.names;
};

/** Sets a member whatever it is called: assigning to `__proto__` would do something else. */
export const put = (object: any, key: string, value: unknown): void => {
  if (key === "__proto__") Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
};

/** Where fields are kept that are not known; see `keepUnknown`. */
export const unknownFields: unique symbol = Symbol.for("psd.unknown");

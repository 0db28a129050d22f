import type { CacheKeys, EnumType, FieldInfo, LongForm, MessageType, Origin, Special } from "./types.js";

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
): M => ({ keys: {}, ...info, fields, empty, special }) as unknown as M;

// The kinds of fields, in an order that keeps those together that have something in common.
export const DOUBLE = 0;
export const FLOAT = 1;
export const BOOL = 2;
export const STRING = 3;
export const BYTES = 4;
export const MESSAGE = 5;
/** The enum whose JSON is `null`. */
export const NULL = 6;
export const ENUM = 7;
export const INT32 = 8;
export const SINT32 = 9;
export const SFIXED32 = 10;
export const UINT32 = 11;
export const FIXED32 = 12;
export const INT64 = 13;
export const SINT64 = 14;
export const SFIXED64 = 15;
export const UINT64 = 16;
export const FIXED64 = 17;
export const KINDS =
  "double float bool string bytes message null enum int32 sint32 sfixed32 uint32 fixed32 int64 sint64 sfixed64 uint64 fixed64".split(
    " ",
  );
/** The wire type of each kind. */
const WIRE = "150222000050500101";

export const SINGLE = 0;
export const OPTIONAL = 1;
export const ONEOF = 2;
export const LIST = 3;
export const MAP = 4;

/** A field as the codecs want it. */
export interface Field {
  /** In TypeScript. */
  readonly name: string;
  /** The property that holds it: its own, or the one of its oneof. */
  readonly property: string;
  /** In the .proto file. */
  readonly proto: string;
  readonly proto3: string;
  readonly classic: string;
  readonly kind: number;
  /** Its wire type, where it is not packed. */
  readonly wire: number;
  readonly label: number;
  readonly tag: number;
  /** Whether it is a list of which many items can be behind one tag. */
  readonly packed: boolean;
  /** How an integer of 64 bits is held, if not as a bigint. */
  readonly form: LongForm | undefined;
  readonly ref: (() => MessageType | EnumType) | undefined;
  /** Of a message; of a map, the plan of its entries. Made when it is first needed. */
  plan: Plan | undefined;
  /** The names of an enum by number. Made when they are first needed. */
  names: Record<number, string> | undefined;
  /** The field that comes next on the wire, if all are there. */
  next: Field;
}

/** What is made of a message's fields when it is first used. */
export interface Plan {
  readonly empty: () => any;
  readonly special: Special | undefined;
  readonly fields: readonly Field[];
  readonly tags: Map<number, Field>;
  /** By every name that JSON may use. Made when they are first needed. */
  names: Map<string, Field> | undefined;
}

const raise = (_: string, letter = ""): string => letter.toUpperCase();

/** The same text as engines hold names of properties, which they find in less time. */
const intern = (name: string): string => Object.keys({ [name]: 0 })[0]!;

const compileField = ([proto, number, type, ref, oneof, json, property]: FieldInfo): Field => {
  const [, key, kindName, mark] = /^(?:(\w+):)?(\w+)(.?)/.exec(type) as unknown as string[];
  const kind = key ? MESSAGE : KINDS.indexOf(kindName!);
  const wire = Number(WIRE[kind]);
  const classic = intern(proto.replace(/_([a-z])/g, raise));
  const name = property ?? classic;
  const isPacked = mark === "[" && wire !== 2;
  return {
    name,
    property: oneof || name,
    proto,
    proto3: intern(json || proto.replace(/_+(.)?/g, raise)),
    classic,
    kind,
    wire,
    label: key ? MAP : mark === "?" ? OPTIONAL : mark ? LIST : oneof ? ONEOF : kind === MESSAGE ? OPTIONAL : SINGLE,
    tag: ((number << 3) | (isPacked ? 2 : wire)) >>> 0,
    packed: isPacked,
    form: (ref as LongForm | undefined)?.of && ref,
    ref,
    plan: key
      ? compile([["key", 1, `${key}?`], ["value", 2, `${kindName}?`, ref ?? 0]], () => ({}))
      : undefined,
    names: undefined,
  } as unknown as Field;
};

const compile = (infos: readonly FieldInfo[], empty: () => any, special?: Special): Plan => {
  const fields = infos.map(compileField);
  const tags = new Map<number, Field>();
  fields.forEach((field, index) => {
    field.next = fields[(index + 1) % fields.length]!;
    tags.set(field.tag, field);
    // Lists are read both ways, however they are written.
    if (field.label === LIST) tags.set(((field.tag & ~7) | (field.packed ? field.wire : 2)) >>> 0, field);
  });
  return { empty, special, fields, tags, names: undefined };
};

/** The plan of a message, made when it is first needed: messages refer to each other in circles. */
export const planOf = (type: MessageType & { plan?: Plan }): Plan =>
  (type.plan ??= compile(type.fields, type.empty, type.special));

/** The plan of a field that is a message or a map. */
export const planIn = (field: Field): Plan => (field.plan ??= planOf(field.ref!() as MessageType));

/** Sets a member whatever it is called: assigning to `__proto__` would do something else. */
export const put = (object: any, key: string, value: unknown): void => {
  if (key === "__proto__") Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
};

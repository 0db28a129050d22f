/** Who sends a message. */
export type Origin = "client" | "server" | "client/server";

/** The names of fields by which a client finds a message that it keeps, by the kind of column they are stored in. */
export interface CacheKeys {
  readonly text?: readonly string[];
  readonly real?: readonly string[];
  readonly int?: readonly string[];
  readonly date?: readonly string[];
}

/** An enum of a .proto file: its names and their numbers. */
export type EnumType = Readonly<Record<string, number>>;

/**
 * A field as generated code describes it:
 *
 * 1. its name in the .proto file,
 * 2. its number,
 * 3. its type: `string`, and `string?` with presence, `string[]` repeated, `string*` repeated but not packed,
 *    `string:int32` a map,
 * 4. the message or enum, if it is one; of an integer of 64 bits that is not a bigint, how it is held,
 * 5. the oneof it is part of,
 * 6. its name in JSON, if the .proto file chooses one,
 * 7. its name in TypeScript, if that is not the first with `_x` written `X`.
 */
export type FieldInfo = readonly [
  name: string,
  number: number,
  type: string,
  ref?: 0 | LongForm | (() => MessageType | EnumType),
  oneof?: 0 | string,
  json?: 0 | string,
  property?: string,
];

/** How an integer of 64 bits is held that is not a bigint: `asString` or `asNumber`. */
export interface LongForm {
  readonly of: (value: bigint) => string | number;
  readonly from: (value: any) => bigint;
}

declare const shape: unique symbol;

/**
 * A message of a .proto file, as data. Generated code has one constant for each message, with the name of the interface
 * that describes its values; `create`, `toBinary` and the others take it as their first argument.
 */
export interface MessageType<T = any, Route extends string | undefined = any, O extends Origin | undefined = any> {
  /** The name in the .proto file, with its package: `chat.ChatSent`. */
  readonly name: string;
  /** The route: what travels as `messageType`; `undefined` for a plain structure. */
  readonly type: Route;
  /** Who sends it; `undefined` for a plain structure. */
  readonly origin: O;
  /** Whether a client must be authenticated to send it; `undefined` where the .proto file is silent. */
  readonly auth: boolean | undefined;
  /** How many seconds a client keeps it; `undefined` where it does not. */
  readonly cache: number | undefined;
  /** The fields by which a client finds it. */
  readonly keys: CacheKeys;
  /** Its fields, in the order of their numbers. */
  readonly fields: readonly FieldInfo[];
  /** A value with every field at its default. */
  readonly empty: () => T;
  /** How a well-known type differs from other messages. */
  readonly special: Special | undefined;
  /** Carries the type of values for inference; never there. */
  readonly [shape]?: T;
}

/** A message that clients send. */
export type ClientMessage<T = any, Route extends string = string> = MessageType<T, Route, "client" | "client/server">;
/** A message that the server sends. */
export type ServerMessage<T = any, Route extends string = string> = MessageType<T, Route, "server" | "client/server">;
/** The values of a message: `MessageShape<typeof ChatSent>` is `ChatSent`. */
export type MessageShape<M extends MessageType> = M extends MessageType<infer T> ? T : never;

/** What a well-known type does in its own way. */
export interface Special {
  /** From the message on the wire to the value in TypeScript; without it, they are the same. */
  readonly unwrap?: (message: any) => unknown;
  /** The way back. */
  readonly wrap?: (value: any) => unknown;
  /** Whether `null` in JSON is a value. */
  readonly nullable?: boolean;
  /** The value as JSON. */
  readonly toJson?: (value: any, options: JsonWriteOptions) => JsonValue;
  /** JSON as the value. */
  readonly fromJson?: (json: JsonValue, options: JsonReadOptions) => unknown;
}

/** Anything that JSON can say. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
/** An object of JSON. */
export interface JsonObject {
  [key: string]: JsonValue;
}

/** Where the message types are found that a `google.protobuf.Any` holds: by their `name`. */
export interface AnyOptions {
  readonly types?: readonly MessageType[];
}
/** How JSON is written. */
export interface JsonWriteOptions extends AnyOptions {
  /** `proto3` (the default) writes the names of proto3 JSON, `classic` those of the classic dialect. */
  readonly names?: "classic" | "proto3";
}
/** How JSON is read. */
export interface JsonReadOptions extends AnyOptions {
  /** Whether fields and names of enum values that are not known are passed over; without it they are an error. */
  readonly ignoreUnknown?: boolean;
}
type Scalar = string | number | bigint | boolean | Uint8Array | null | undefined;
type InitValue<V> = V extends Scalar
  ? V
  : V extends readonly (infer E)[]
    ? readonly InitValue<E>[]
    : V extends { case: infer C extends string; value: infer X }
      ? { case: C; value: InitValue<X> }
      : Init<V>;
/** What `create` takes: any of the fields, messages in them likewise. */
export type Init<T> = { readonly [K in keyof T]?: InitValue<T[K]> | undefined };

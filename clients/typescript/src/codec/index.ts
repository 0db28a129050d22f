/**
 * What generated code and those who use it need: messages as data, and functions that turn their values into bytes and
 * JSON and back. Each is on its own, so that a bundle holds only what it uses.
 */
export { create } from "./create.js";
export { CodecError } from "./error.js";
export { fromJson, toJson } from "./json.js";
export { fromJsonText } from "./json-text.js";
export { asNumber, asString } from "./long.js";
export { message } from "./message.js";
export { fromBinary } from "./read.js";
export type {
  AnyOptions,
  CacheKeys,
  ClientMessage,
  EnumType,
  FieldInfo,
  Init,
  JsonObject,
  JsonReadOptions,
  JsonValue,
  JsonWriteOptions,
  LongForm,
  MessageShape,
  MessageType,
  Origin,
  ServerMessage,
  Special,
} from "./types.js";
export { toBinary } from "./write.js";

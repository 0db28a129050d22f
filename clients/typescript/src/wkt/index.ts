/** The well-known types of protobuf, as far as generated code refers to them. What is not used is in no bundle. */
export { Any, pack, unpack } from "./any.js";
export { Empty, FieldMask } from "./other.js";
export { ListValue, NullValue, Struct, Value } from "./struct.js";
export { dateOf, Duration, Timestamp, timestampOf } from "./time.js";
export {
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
export type { JsonObject, JsonValue } from "../codec/types.js";

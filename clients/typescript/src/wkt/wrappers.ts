import { message } from "../codec/message.js";
import * as k from "../codec/message.js";
import { scalarFromJson, scalarToJson } from "../codec/json-scalar.js";
import type { LongForm, MessageType } from "../codec/types.js";

/** A scalar that can be absent: in TypeScript the scalar itself. */
type Wrapper<T> = MessageType<T, undefined, undefined>;

const wrapper = <T>(name: string, kind: number, type: string, zero: T, form?: LongForm): Wrapper<T> =>
  message({ name: `google.protobuf.${name}` }, () => ({ value: zero }), [["value", 1, type, form ?? 0]], {
    unwrap: (message: { value: T }) => message.value,
    wrap: (value: T) => ({ value }),
    toJson: (value: T) => scalarToJson(kind, form ? form.from(value) : value),
    fromJson: (json) => (form ? form.of(scalarFromJson(kind, json) as bigint) : scalarFromJson(kind, json)),
  });

/** `google.protobuf.BoolValue` */
export const BoolValue: Wrapper<boolean> = /* @__PURE__ */ wrapper("BoolValue", k.BOOL, "bool", false);
/** `google.protobuf.BytesValue` */
export const BytesValue: Wrapper<Uint8Array> = /* @__PURE__ */ wrapper("BytesValue", k.BYTES, "bytes", new Uint8Array(0));
/** `google.protobuf.DoubleValue` */
export const DoubleValue: Wrapper<number> = /* @__PURE__ */ wrapper("DoubleValue", k.DOUBLE, "double", 0);
/** `google.protobuf.FloatValue` */
export const FloatValue: Wrapper<number> = /* @__PURE__ */ wrapper("FloatValue", k.FLOAT, "float", 0);
/** `google.protobuf.Int32Value` */
export const Int32Value: Wrapper<number> = /* @__PURE__ */ wrapper("Int32Value", k.INT32, "int32", 0);
/** `google.protobuf.Int64Value` */
export const Int64Value: Wrapper<bigint> = /* @__PURE__ */ wrapper("Int64Value", k.INT64, "int64", 0n);
/** `google.protobuf.StringValue` */
export const StringValue: Wrapper<string> = /* @__PURE__ */ wrapper("StringValue", k.STRING, "string", "");
/** `google.protobuf.UInt32Value` */
export const UInt32Value: Wrapper<number> = /* @__PURE__ */ wrapper("UInt32Value", k.UINT32, "uint32", 0);
/** `google.protobuf.UInt64Value` */
export const UInt64Value: Wrapper<bigint> = /* @__PURE__ */ wrapper("UInt64Value", k.UINT64, "uint64", 0n);

/** `google.protobuf.Int64Value` with another form of its integer. */
export const int64As = <Long>(form: LongForm): Wrapper<Long> => wrapper("Int64Value", k.INT64, "int64", form.of(0n) as Long, form);
/** `google.protobuf.UInt64Value` with another form of its integer. */
export const uint64As = <Long>(form: LongForm): Wrapper<Long> => wrapper("UInt64Value", k.UINT64, "uint64", form.of(0n) as Long, form);

/** The well-known types as code refers to them that is generated with `"int64": "number"`. */
import { asNumber } from "../codec/long.js";
import type { MessageType } from "../codec/types.js";
import { durationAs, timestampAs, timestampOf as exactly } from "./time.js";
import { int64As, uint64As } from "./wrappers.js";

export * from "./index.js";

/** A point in time: seconds since 1970, and nanoseconds that count forward. */
export interface Timestamp {
  seconds: number;
  nanos: number;
}
/** `google.protobuf.Timestamp`; in JSON, text such as `2024-02-29T12:30:45.500Z`. */
export const Timestamp: MessageType<Timestamp, undefined, undefined> = /* @__PURE__ */ timestampAs<number>(asNumber);

/** A span of time; seconds and nanoseconds have the same sign. */
export interface Duration {
  seconds: number;
  nanos: number;
}
/** `google.protobuf.Duration`; in JSON, text such as `1.500s`. */
export const Duration: MessageType<Duration, undefined, undefined> = /* @__PURE__ */ durationAs<number>(asNumber);

/** `google.protobuf.Int64Value` */
export const Int64Value = /* @__PURE__ */ int64As<number>(asNumber);
/** `google.protobuf.UInt64Value` */
export const UInt64Value = /* @__PURE__ */ uint64As<number>(asNumber);

/** The timestamp of a date, or of now. */
export const timestampOf = (date?: Date | number): Timestamp => {
  const { seconds, nanos } = exactly(date);
  return { seconds: Number(seconds), nanos };
};

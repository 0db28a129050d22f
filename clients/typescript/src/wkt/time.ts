import { expected, fail } from "../codec/error.js";
import { message } from "../codec/message.js";
import type { JsonValue, LongForm, MessageType } from "../codec/types.js";

/** Seconds and nanoseconds, for each way to hold integers of 64 bits. */
interface Time<Long> {
  seconds: Long;
  nanos: number;
}

/** A point in time: seconds since 1970, and nanoseconds that count forward. */
export interface Timestamp extends Time<bigint> {}

/** A span of time; seconds and nanoseconds have the same sign. */
export interface Duration extends Time<bigint> {}

/** The decimals of a second: none, 3, 6 or 9. */
const decimals = (nanos: number): string => {
  const digits = String(nanos).padStart(9, "0").replace(/(000){1,3}$/, "");
  return digits && `.${digits}`;
};
const nanosOf = (digits = ""): number => Number(digits.padEnd(9, "0"));

const FIRST = -62_135_596_800n;
const LAST = 253_402_300_799n;
const DATE = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;

const timestampToJson = ({ seconds, nanos }: Timestamp): JsonValue => {
  if (seconds < FIRST || seconds > LAST || nanos < 0 || nanos > 999_999_999) {
    return fail(`a timestamp of ${seconds} s and ${nanos} ns is not of the years 1 to 9999`);
  }
  return new Date(Number(seconds) * 1000).toISOString().replace(".000Z", `${decimals(nanos)}Z`);
};

const timestampFromJson = (json: JsonValue): Timestamp => {
  const match = typeof json === "string" ? DATE.exec(json) : expected("a string", json);
  const [, day, time, fraction, sign, hours, minutes] = match ?? expected("a time such as `2024-02-29T12:30:45Z`", json);
  const date = new Date(`${day}T${time}Z`);
  // A date that does not exist is moved on by `Date`, or is none.
  if (!(date.getTime() > 0 || date.getTime() <= 0) || date.toISOString().slice(0, 19) !== `${day}T${time}`) {
    return fail(`\`${json}\` is no date`);
  }
  const offset = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60 * (sign === "-" ? -1 : 1);
  const seconds = BigInt(date.getTime() / 1000 - offset);
  if (seconds < FIRST || seconds > LAST || Number(hours ?? 0) > 23 || Number(minutes ?? 0) > 59) return fail(`\`${json}\` is not of the years 1 to 9999`);
  return { seconds, nanos: nanosOf(fraction) };
};

const MAX_SECONDS = 315_576_000_000n;

const durationToJson = ({ seconds, nanos }: Duration): JsonValue => {
  const magnitude = seconds < 0n ? -seconds : seconds;
  const isMixed = (seconds < 0n && nanos > 0) || (seconds > 0n && nanos < 0);
  if (magnitude > MAX_SECONDS || Math.abs(nanos) > 999_999_999 || isMixed) {
    return fail(`a duration of ${seconds} s and ${nanos} ns is beyond 10000 years, or has two signs`);
  }
  return `${seconds < 0n || nanos < 0 ? "-" : ""}${magnitude}${decimals(Math.abs(nanos))}s`;
};

const durationFromJson = (json: JsonValue): Duration => {
  const match = typeof json === "string" ? /^(-?)(\d{1,15})(?:\.(\d{1,9}))?s$/.exec(json) : expected("a string", json);
  const [, sign, whole, fraction] = match ?? expected("a duration such as `1.5s`", json);
  const seconds = BigInt(whole!);
  const nanos = nanosOf(fraction);
  if (seconds > MAX_SECONDS) return fail(`\`${json}\` is beyond 10000 years`);
  return sign ? { seconds: -seconds, nanos: -nanos || 0 } : { seconds, nanos };
};

const time = <Long>(name: string, toJson: (time: Time<bigint>) => JsonValue, fromJson: (json: JsonValue) => Time<bigint>, form?: LongForm) => {
  const hold = ({ seconds, nanos }: Time<bigint>) => ({ seconds: form ? form.of(seconds) : seconds, nanos });
  return message<MessageType<Time<Long>, undefined, undefined>>(
    { name: `google.protobuf.${name}` },
    () => hold({ seconds: 0n, nanos: 0 }),
    [["seconds", 1, "int64", form ?? 0], ["nanos", 2, "int32"]],
    { toJson: ({ seconds, nanos }) => toJson({ seconds: form ? form.from(seconds) : seconds, nanos }), fromJson: (json) => hold(fromJson(json)) },
  );
};

/** `google.protobuf.Timestamp` with another form of its seconds. */
export const timestampAs = <Long>(form?: LongForm) => time<Long>("Timestamp", timestampToJson, timestampFromJson, form);
/** `google.protobuf.Duration` with another form of its seconds. */
export const durationAs = <Long>(form?: LongForm) => time<Long>("Duration", durationToJson, durationFromJson, form);

/** `google.protobuf.Timestamp`; in JSON, text such as `2024-02-29T12:30:45.500Z`. */
export const Timestamp: MessageType<Timestamp, undefined, undefined> = /* @__PURE__ */ timestampAs<bigint>();
/** `google.protobuf.Duration`; in JSON, text such as `1.500s`. */
export const Duration: MessageType<Duration, undefined, undefined> = /* @__PURE__ */ durationAs<bigint>();

/** The timestamp of a date, or of now. */
export const timestampOf = (date: Date | number = Date.now()): Timestamp => {
  const milliseconds = Number(date);
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((milliseconds - seconds * 1000) * 1_000_000) };
};

/** The date of a timestamp, to the millisecond. */
export const dateOf = ({ seconds, nanos }: Time<bigint | number | string>): Date =>
  new Date(Number(seconds) * 1000 + Math.floor(nanos / 1_000_000));

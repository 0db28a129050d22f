// What the client itself says and hears. All of it is generated, too (common/), but every page would pay for the fields
// that no client uses. What is not named here is passed over where it comes. A test compares the two.

import { message, type FieldInfo, type MessageType } from "./codec/index.js";
import type * as common from "./common/index.js";

export type Headers = Omit<common.Headers, "compressed" | "traceparent">;
export type Envelope = Omit<common.Envelope, "headers"> & { headers?: Headers | undefined };
export type RequestResult = common.RequestResult;
type Welcome = Pick<common.Welcome, "connectionId" | "heartbeatMs" | "maxFrameBytes" | "uploadStreams">;
type Plain<T> = MessageType<T, undefined, undefined>;

/** What a field holds unless it is 0; a message is not there. */
const EMPTY: Record<string, unknown> = { string: "", bool: false, int64: 0n, uint64: 0n, bytes: new Uint8Array(0) };

/**
 * A message of these fields in the order of their numbers, each `name:type`, where a text needs no type, and `-` stands
 * for one that is of no use here; `part` is the message in it.
 */
const define = <M extends MessageType>(type: string, fields: string, part: 0 | (() => MessageType) = 0): M => {
  const infos: FieldInfo[] = [];
  const empty: Record<string, unknown> = {};
  fields.split(" ").forEach((field, index) => {
    const [name, kind = "string"] = field.split(":") as [string, string?];
    if (name === "-") return;
    infos.push([name, index + 1, kind, part]);
    if (kind !== "message") empty[name] = EMPTY[kind] ?? 0;
  });
  return message({ name: type, type }, () => ({ ...empty }), infos);
};

export const RequestResult: Plain<RequestResult> = /* @__PURE__ */ define("", "errorMessage errorCode:int32");

export const Headers: Plain<Headers> = /* @__PURE__ */ define(
  "",
  "messageType uuid authHeader eventTime:int64 localTime:int64 ack:bool retryCount:uint32 apiVersion:uint32 deadlineMs:uint32 result:message",
  () => RequestResult,
);

export const Envelope: Plain<Envelope> = /* @__PURE__ */ define("", "headers:message body:bytes seq:uint64 seen:uint64", () => Headers);

/** A frame with one envelope, behind the tag of a field. */
export const Frame: Plain<{ envelope: Envelope }> = /* @__PURE__ */ define("", "envelope:message", () => Envelope);

export const Welcome: MessageType<Welcome, "psd.welcome", "server"> = /* @__PURE__ */ define(
  "psd.welcome",
  "connectionId - - heartbeatMs:uint32 maxFrameBytes:uint32 - - - uploadStreams:uint32",
);

export const Drain: typeof common.Drain = /* @__PURE__ */ define("psd.drain", "reconnectAfterMs:uint32 reason");
export const TokenInvalid: typeof common.TokenInvalid = /* @__PURE__ */ define("token-invalid", "graceMs:uint32");
export const Login: typeof common.Login = /* @__PURE__ */ define("login", "username password");
export const LoginToken: typeof common.LoginToken = /* @__PURE__ */ define("login-token", "token refresh");
export const LoginError: typeof common.LoginError = /* @__PURE__ */ define("login-error", "errorText errorCode");
export const VerifyToken: typeof common.VerifyToken = /* @__PURE__ */ define("verify-token", "-");
export const RevokeToken: typeof common.RevokeToken = /* @__PURE__ */ define("revoke-token", "refreshToken");
export const RefreshToken: typeof common.RefreshToken = /* @__PURE__ */ define("refresh-token", "refreshToken");
export const RefreshTokenInvalid: typeof common.RefreshTokenInvalid = /* @__PURE__ */ define("refresh-token-invalid", "-");

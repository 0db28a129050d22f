// What the client itself says and hears. All of it is generated, too (common/), but every page would pay for the fields
// that no client uses. What is not named here is passed over where it comes. A test compares the two.

import { message, type FieldInfo, type MessageType } from "./codec/index.js";
import type * as common from "./common/index.js";

export type Headers = Omit<common.Headers, "compressed" | "traceparent">;
export type Envelope = Omit<common.Envelope, "headers"> & { headers?: Headers | undefined };
export type RequestResult = common.RequestResult;
type Welcome = Pick<common.Welcome, "connectionId" | "heartbeatMs" | "maxFrameBytes" | "uploadStreams">;
type Plain<T> = MessageType<T, undefined, undefined>;

const define = <M extends MessageType>(type: string, empty: () => object, fields: readonly FieldInfo[]): M => message({ name: type, type }, empty, fields);

export const RequestResult: Plain<RequestResult> = /* @__PURE__ */ define("", () => ({ errorMessage: "", errorCode: 0 }), [
  ["errorMessage", 1, "string"],
  ["errorCode", 2, "int32"],
]);

export const Headers: Plain<Headers> = /* @__PURE__ */ define(
  "",
  () => ({ messageType: "", uuid: "", authHeader: "", eventTime: 0n, localTime: 0n, ack: false, retryCount: 0, apiVersion: 0, deadlineMs: 0 }),
  [
    ["messageType", 1, "string"],
    ["uuid", 2, "string"],
    ["authHeader", 3, "string"],
    ["eventTime", 4, "int64"],
    ["localTime", 5, "int64"],
    ["ack", 6, "bool"],
    ["retryCount", 7, "uint32"],
    ["apiVersion", 8, "uint32"],
    ["deadlineMs", 9, "uint32"],
    ["result", 10, "message", () => RequestResult],
  ],
);

export const Envelope: Plain<Envelope> = /* @__PURE__ */ define("", () => ({ body: new Uint8Array(0), seq: 0n, seen: 0n }), [
  ["headers", 1, "message", () => Headers],
  ["body", 2, "bytes"],
  ["seq", 3, "uint64"],
  ["seen", 4, "uint64"],
]);

/** A frame with one envelope, behind the tag of a field. */
export const Frame: Plain<{ envelope: Envelope }> = /* @__PURE__ */ define("", () => ({}), [["envelope", 1, "message", () => Envelope]]);

export const Welcome: MessageType<Welcome, "psd.welcome", "server"> = /* @__PURE__ */ define(
  "psd.welcome",
  () => ({ connectionId: "", heartbeatMs: 0, maxFrameBytes: 0, uploadStreams: 0 }),
  [
    ["connectionId", 1, "string"],
    ["heartbeatMs", 4, "uint32"],
    ["maxFrameBytes", 5, "uint32"],
    ["uploadStreams", 9, "uint32"],
  ],
);

export const Drain: typeof common.Drain = /* @__PURE__ */ define("psd.drain", () => ({ reconnectAfterMs: 0, reason: "" }), [
  ["reconnectAfterMs", 1, "uint32"],
  ["reason", 2, "string"],
]);

export const TokenInvalid: typeof common.TokenInvalid = /* @__PURE__ */ define("token-invalid", () => ({ graceMs: 0 }), [
  ["graceMs", 1, "uint32"],
]);

/** A message of texts, which are numbered in this order. */
const texts = <M extends MessageType>(type: string, ...names: string[]): M =>
  define(type, () => Object.fromEntries(names.map((name) => [name, ""])), names.map((name, index) => [name, index + 1, "string"]));

export const Login: typeof common.Login = /* @__PURE__ */ texts("login", "username", "password");
export const LoginToken: typeof common.LoginToken = /* @__PURE__ */ texts("login-token", "token", "refresh");
export const LoginError: typeof common.LoginError = /* @__PURE__ */ texts("login-error", "errorText", "errorCode");
export const VerifyToken: typeof common.VerifyToken = /* @__PURE__ */ texts("verify-token");
export const RevokeToken: typeof common.RevokeToken = /* @__PURE__ */ texts("revoke-token", "refreshToken");
export const RefreshToken: typeof common.RefreshToken = /* @__PURE__ */ texts("refresh-token", "refreshToken");
export const RefreshTokenInvalid: typeof common.RefreshTokenInvalid = /* @__PURE__ */ texts("refresh-token-invalid");

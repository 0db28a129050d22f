// Answers the requests of the official conformance runner, as src/main.rs does in Rust: each message is decoded from one
// format and encoded to another.
import { readSync, writeSync } from "node:fs";
import { create, fromBinary, fromJsonText, toBinary, toJson } from "@psd/client/codec";
import {
  ConformanceRequest,
  ConformanceResponse,
  FailureSet,
  TestAllTypesProto3,
  TestCategory,
  types,
  WireFormat,
} from "./messages/index";

type Outcome = ConformanceResponse["result"];

const answer = (request: ConformanceRequest): Outcome => {
  // Asked first: which failures are expected. The runner takes them from a file.
  if (request.messageType === FailureSet.name) return { case: "protobufPayload", value: toBinary(FailureSet, create(FailureSet)) };
  if (request.messageType !== TestAllTypesProto3.name) return { case: "skipped", value: `\`${request.messageType}\` is not proto3` };
  const { payload } = request;
  const ignoreUnknown = request.testCategory === TestCategory.JSON_IGNORE_UNKNOWN_PARSING_TEST;
  let message: TestAllTypesProto3;
  try {
    if (payload.case === "protobufPayload") message = fromBinary(TestAllTypesProto3, payload.value);
    else if (payload.case === "jsonPayload") message = fromJsonText(TestAllTypesProto3, payload.value, { types, ignoreUnknown });
    else return { case: "skipped", value: "only binary and JSON are read" };
  } catch (error) {
    return { case: "parseError", value: String(error) };
  }
  try {
    if (request.requestedOutputFormat === WireFormat.PROTOBUF) return { case: "protobufPayload", value: toBinary(TestAllTypesProto3, message) };
    if (request.requestedOutputFormat === WireFormat.JSON) return { case: "jsonPayload", value: JSON.stringify(toJson(TestAllTypesProto3, message, { types })) };
    return { case: "skipped", value: "only binary and JSON are written" };
  } catch (error) {
    return { case: "serializeError", value: String(error) };
  }
};

/** So many bytes of standard input; nothing at its end. */
const read = (size: number): Uint8Array | undefined => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    const count = readSync(0, bytes, at, size - at, null);
    if (count === 0) return undefined;
    at += count;
  }
  return bytes;
};

for (let length; (length = read(4)); ) {
  const request = read(new DataView(length.buffer).getUint32(0, true));
  if (!request) break;
  const response = toBinary(ConformanceResponse, create(ConformanceResponse, { result: answer(fromBinary(ConformanceRequest, request)) }));
  const framed = new Uint8Array(response.length + 4);
  new DataView(framed.buffer).setUint32(0, response.length, true);
  framed.set(response, 4);
  for (let at = 0; at < framed.length; ) at += writeSync(1, framed, at);
}

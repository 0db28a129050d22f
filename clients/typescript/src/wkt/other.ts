import { expected, fail } from "../codec/error.js";
import { message } from "../codec/message.js";
import type { JsonValue, MessageType } from "../codec/types.js";

/** Nothing. */
export interface Empty {}

/** `google.protobuf.Empty` */
export const Empty: MessageType<Empty, undefined, undefined> = /* @__PURE__ */ message({ name: "google.protobuf.Empty" }, () => ({}), []);

/** Names of fields, by their names in the .proto file, with dots between. */
export interface FieldMask {
  paths: string[];
}

const pathToJson = (path: string): string => {
  const json = path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return !json.includes("_") && pathFromJson(json) === path ? json : fail(`the path \`${path}\` cannot be said in JSON`);
};
const pathFromJson = (path: string): string => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `google.protobuf.FieldMask`; in JSON, text such as `fooBar,baz.qux`. */
export const FieldMask: MessageType<FieldMask, undefined, undefined> = /* @__PURE__ */ message(
  { name: "google.protobuf.FieldMask" },
  () => ({ paths: [] }),
  [["paths", 1, "string[]"]],
  {
    toJson: (mask: FieldMask): JsonValue => mask.paths.map(pathToJson).join(","),
    fromJson: (json): FieldMask => {
      if (typeof json !== "string") return expected("a string", json);
      if (json.includes("_")) fail("a path in JSON has no underscores");
      return { paths: json ? json.split(",").map(pathFromJson) : [] };
    },
  },
);

import { CodecError, fromJsonText } from "@psd/client/codec";
import { Struct } from "@psd/client/wkt";
import { describe, expect, test } from "vitest";
import { List } from "./bench/messages/bench.js";

describe("text of JSON", () => {
  test("is read as its message", () => {
    const text = `{"items": [{"name": "a"}, {"name": "{\\"name\\": 1, \\"name\\": 2}"}], "nextPage": "\\\\"}`;
    const { items, nextPage } = fromJsonText(List, text);
    expect(items.map(({ name }) => name)).toEqual(["a", `{"name": 1, "name": 2}`]);
    expect(nextPage).toBe("\\");
    expect(fromJsonText(List, `{"what": 1}`, { ignoreUnknown: true }).items).toEqual([]);
  });

  test.each([
    [`{"nextPage": "a", "nextPage": "b"}`, `the key "nextPage" is there twice`],
    [`{"nextPage" : "a", "next\\u0050age"\n: "b"}`, `the key "nextPage" is there twice`],
    [`{"items": [{"name": "a"}, {"name": "b", "index": 1, "name": "c"}]}`, `the key "name" is there twice`],
    [`{"nextPage": "a", "next_page": "b"}`, "the field is there twice"],
    [`{"nextPage": `, "this is no JSON"],
    [`{"nextPage": 1}`, "nextPage: expected string, found 1"],
  ])("%s is refused", (text, problem) => {
    expect(() => fromJsonText(List, text)).toThrow(CodecError);
    expect(() => fromJsonText(List, text)).toThrow(problem);
  });

  test("may be long", () => {
    const long = "\\\\".repeat(1_000_000);
    expect(fromJsonText(Struct, `{"a": "${long}", "b": {"a": "${"x".repeat(1_000_000)}"}}`)).toHaveProperty("b.a");
  });
});

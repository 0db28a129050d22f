// The scenarios of tests/clients/scenarios.json are tested in every client's language, under the same names; `missing`
// names the languages that do not test one yet.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL(".", import.meta.url));
const list = join(folder, "../../../../tests/clients/scenarios.json");

test("every scenario has a test", () => {
  type Scenario = string | { name: string; missing: string[] };
  const all = Object.values(JSON.parse(readFileSync(list, "utf8")) as Record<string, Scenario>);
  const scenarios = all.flatMap((each) => (typeof each === "string" ? each : each.missing.includes("typescript") ? [] : each.name));
  const files = readdirSync(folder).filter((file) => /\.test\.tsx?$/.test(file));
  const source = files.map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
  const names = [...source.matchAll(/^\s*test(?:\.each\([^)]*\))?\("([^"]+)"/gm)].map((match) => match[1]!);
  expect(scenarios.length).toBeGreaterThan(0);
  expect(scenarios.filter((scenario) => !names.some((name) => name.endsWith(scenario)))).toEqual([]);
});

// Generated code and its types, by the oldest and the newest compiler that is supported, and by every strict setting.
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts6 from "typescript";
import { expect, test } from "vitest";
// The same interface, under another name.
import ts5Module from "typescript5";

const ts5 = ts5Module as unknown as typeof ts6;
const folder = fileURLToPath(new URL(".", import.meta.url));
const generated = ["vectors", "strings", "numbers", "bench"].flatMap((name) =>
  readdirSync(`${folder}${name}/messages`, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `${folder}${name}/messages/${file}`),
);

const compile = (ts: typeof ts6, options: ts6.CompilerOptions): string => {
  const program = ts.createProgram([...generated, `${folder}types/codec.ts`], {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    isolatedModules: true,
    verbatimModuleSyntax: true,
    noUncheckedIndexedAccess: true,
    noImplicitOverride: true,
    noPropertyAccessFromIndexSignature: true,
    noUnusedLocals: true,
    types: [],
    // `paths` are relative to the program's own folder.
    paths: { "@psd/client/*": [`${folder}../src/*/index.ts`] },
    ...options,
  });
  const host = { getCanonicalFileName: (name: string) => name, getCurrentDirectory: () => folder, getNewLine: () => "\n" };
  return ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host);
};

const compilers = { 5: ts5, 6: ts6 };

test.each([
  [5, true],
  [5, false],
  [6, true],
  [6, false],
] as const)("TypeScript %s compiles it, exactOptionalPropertyTypes %s", (version, isExact) => {
  const ts = compilers[version];
  expect(ts.version.startsWith(`${version}.`)).toBe(true);
  expect(generated.length).toBeGreaterThan(15);
  expect(compile(ts, { exactOptionalPropertyTypes: isExact })).toBe("");
});

test("a mistake would be seen", () => {
  const errors = compile(ts6, { lib: ["lib.es5.d.ts"] });
  expect(errors).not.toBe("");
});

import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    // Generated code imports the package by its name; tests run on the sources.
    alias: [
      { find: /^@psd\/client\/(codec|wkt|common|compat)$/, replacement: `${import.meta.dirname}/src/$1/index.ts` },
      { find: /^@psd\/client\/(offline|wkt\/string|wkt\/number)$/, replacement: `${import.meta.dirname}/src/$1.ts` },
    ],
  },
  test: {
    globalSetup: "test/setup.ts",
    include: ["test/**/*.test.{ts,tsx}", "src/**/*.test.ts"],
    // Far beyond what any test takes: the machine may be busy.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

// Options for TanStack Query: keys that can be written as JSON, and functions that ask.

import { QueryClient } from "@tanstack/react-query";
import { expect, test, vi } from "vitest";
import { create } from "../../src/codec/index.js";
import type { Client } from "../../src/index.js";
import { mutationOptions, queryKey, queryOptions } from "../../src/tanstack.js";
import { Board, Post, Posted, Watch } from "../board/messages/index.js";

test("a query is asked once for what means the same, and its key stands for it", async () => {
  const fetch = vi.fn(async () => create(Board, { notes: [{ number: 1n }] }));
  const queries = new QueryClient();
  const options = queryOptions({ fetch } as never as Client, Watch, { board: "a" }, Board);
  expect(options.queryKey).toEqual(["watch", { board: "a" }]);
  await Promise.all([queries.fetchQuery({ ...options, staleTime: 1000 }), queries.fetchQuery({ ...options, staleTime: 1000 })]);
  expect(fetch).toHaveBeenCalledTimes(1);
  expect(fetch).toHaveBeenCalledWith(Watch, { board: "a" }, Board, { retry: true, signal: expect.any(AbortSignal) });
  expect(queries.getQueryData(queryKey(Watch, { board: "a" }))).toMatchObject({ notes: [{ number: 1n }] });
  // A bigint cannot be hashed as it is.
  expect(JSON.stringify(queryKey(Posted as never, { number: 5n } as never))).toBe('["posted",{"number":"5"}]');
});

test("a mutation sends, or fetches where there is a reply", async () => {
  const client = { send: vi.fn(async () => {}), fetch: vi.fn(async () => create(Board)) };
  await mutationOptions(client as never as Client, Post).mutationFn({ text: "x" });
  expect(client.send).toHaveBeenCalledWith(Post, { text: "x" }, {});
  expect(await mutationOptions(client as never as Client, Watch, Board).mutationFn({ board: "a" })).toEqual({ notes: [] });
});

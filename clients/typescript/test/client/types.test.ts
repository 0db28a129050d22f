// What the compiler refuses, and what it knows. Nothing of this runs: `tsc` checks it.

import { queryOptions as own, useQuery } from "@tanstack/react-query";
import { expect, expectTypeOf, test } from "vitest";
import type { Client, Delivery, PsdError } from "../../src/index.js";
import { useFetch, useMessage, useMessages, useOutbox, useSend } from "../../src/react/index.js";
import { mutationOptions, queryOptions } from "../../src/tanstack.js";
import { Board, Ignore, Post, Posted, Watch, You } from "../board/messages/index.js";

declare const client: Client;

test("the client knows its messages", () => {
  () => {
    expectTypeOf(client.send(Post, { board: "a" })).toEqualTypeOf<Delivery>();
    expectTypeOf(client.send(Post)).resolves.toEqualTypeOf<void>();
    // @ts-expect-error: the server sends it
    void client.send(Posted, {});
    // @ts-expect-error: no such field
    void client.send(Post, { room: "a" });
    // @ts-expect-error: of another type
    void client.send(Post, { text: 1 });

    expectTypeOf(client.fetch(Watch, { board: "a" }, Board)).resolves.toEqualTypeOf<Board>();
    // @ts-expect-error: a client sends it
    void client.fetch(Watch, {}, Post);

    client.on(Posted, (message, info) => {
      expectTypeOf(message).toEqualTypeOf<Posted>();
      expectTypeOf(message.number).toEqualTypeOf<bigint>();
      expectTypeOf(info.uuid).toEqualTypeOf<string | undefined>();
    });
    // @ts-expect-error: a client sends it
    client.on(Post, () => {});

    expectTypeOf(client.cache.query(Posted, { board: "a" })).resolves.toEqualTypeOf<Posted[]>();
    // @ts-expect-error: no such field
    void client.cache.query(Posted, { room: "a" });

    const state = client.connection.getSnapshot();
    if (state.status === "waiting") expectTypeOf(state.reason).toEqualTypeOf<PsdError>();
    // @ts-expect-error: only while it is open
    else void state.connectionId;
  };
  expect(true).toBe(true);
});

test("the hooks know their messages", () => {
  () => {
    expectTypeOf(useMessages(Posted)).toEqualTypeOf<readonly Posted[]>();
    expectTypeOf(useMessages(Posted, { select: (list) => list.length })).toEqualTypeOf<number>();
    expectTypeOf(useMessage(Posted, { filter: { board: "a" } })).toEqualTypeOf<Posted | undefined>();
    expectTypeOf(useFetch(Watch, { board: "a" }, Board).data).toEqualTypeOf<Board | undefined>();
    expectTypeOf(useSend(Post).send({ text: "x" })).toEqualTypeOf<Delivery>();
    expectTypeOf(useOutbox(Post).entries[0]!.value).toEqualTypeOf<Post | undefined>();
    // @ts-expect-error: a client sends it
    useMessages(Post);
    // @ts-expect-error: the server sends it
    useSend(You);
  };
  expect(true).toBe(true);
});

test("TanStack Query takes the options", () => {
  () => {
    expectTypeOf(useQuery(queryOptions(client, Watch, { board: "a" }, Board)).data).toEqualTypeOf<Board | undefined>();
    expectTypeOf(useQuery({ ...queryOptions(client, Watch, { board: "a" }, Board), select: ({ notes }) => notes.length }).data).toEqualTypeOf<number | undefined>();
    own(queryOptions(client, Watch, {}, Board));
    expectTypeOf(mutationOptions(client, Post).mutationFn({ text: "x" })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(mutationOptions(client, Watch, Board).mutationFn({})).toEqualTypeOf<Promise<Board>>();
    // @ts-expect-error: the server sends it
    mutationOptions(client, You);
    void client.send(Ignore);
  };
  expect(true).toBe(true);
});

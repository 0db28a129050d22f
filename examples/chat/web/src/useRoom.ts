import { create } from "@psd/client/codec";
import { useClient, useConnection, useFetch, useOutbox } from "@psd/client/react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { type Attachment, ChatSent, FetchHistory, File, History, OpenRoom, SendChat } from "./messages";
import { lineOf, merge, type Delivery, type Line } from "./lines";

/** What is known of a room. */
interface Known {
  lines: readonly Line[];
  loaded: boolean;
  /** Whether nothing older is left. */
  complete: boolean;
}

const NOTHING: Known = { lines: [], loaded: false, complete: false };

/**
 * One room: what the browser has kept of it at once, then what the server knows, then what comes; and behind it what is
 * still on its way. Being in a room ends with the connection, so it is opened anew after each reconnect.
 */
export function useRoom(room: string, me: string) {
  const client = useClient();
  const isOpen = useConnection().status === "open";
  const [known, setKnown] = useState(NOTHING);
  const [isFetching, setIsFetching] = useState(false);
  const { data: newest, error } = useFetch(OpenRoom, { room }, History);

  useEffect(() => {
    setKnown(NOTHING);
    let isCurrent = true;
    const take = (messages: readonly ChatSent[]) => {
      const more = messages.map(lineOf);
      setKnown((before) => ({ ...before, loaded: true, lines: merge(before.lines, more) }));
    };
    const stop = client.on(ChatSent, (message) => message.room === room && take([message]));
    client.cache.query(ChatSent, { room }).then(
      (kept) => isCurrent && kept.length > 0 && take(kept),
      () => {}, // Without it, the server's answer is all there is.
    );
    return () => {
      isCurrent = false;
      stop();
    };
  }, [client, room]);

  useEffect(() => {
    if (newest?.room !== room) return;
    for (const message of newest.messages) void client.cache.put(ChatSent, message);
    const first = newest.messages[0];
    setKnown(({ lines, complete }) => {
      // More was said in our absence than came now: what is older is fetched again when it is looked for.
      const hasGap = !newest.complete && !!first && lines.length > 0 && first.id > (lines.at(-1)?.id ?? 0);
      const kept = hasGap ? lines.filter((line) => (line.id ?? 0) >= first.id) : lines;
      const isComplete = newest.complete || (!hasGap && complete);
      return { loaded: true, complete: isComplete, lines: merge(kept, newest.messages.map(lineOf)) };
    });
  }, [client, newest, room]);

  const oldest = known.lines[0]?.id;
  const fetching = useRef(false);
  const fetchOlder = useCallback(async () => {
    if (!isOpen || known.complete || oldest === undefined || fetching.current) return;
    fetching.current = true;
    setIsFetching(true);
    try {
      const { messages, complete } = await client.fetch(FetchHistory, { room, before: oldest }, History);
      setKnown((before) => ({ ...before, complete, lines: merge(before.lines, messages.map(lineOf)) }));
    } catch {
      // It is asked for again when somebody scrolls up again.
    } finally {
      fetching.current = false;
      setIsFetching(false);
    }
  }, [client, isOpen, known.complete, oldest, room]);

  const { entries, retry, discard } = useOutbox(SendChat);
  const lines = useMemo(() => {
    const said = new Set(known.lines.map((line) => line.key));
    const waiting = entries.flatMap(({ uuid, value, at, status }): Line[] => {
      if (value?.room !== room || status.state === "sent" || said.has(uuid)) return [];
      const delivery: Delivery =
        status.state === "failed"
          ? { status: "failed", reason: status.error.message }
          : { status: "sending", attempts: status.retries + 1 };
      const files = value.attachments.map(({ alt }) => create(File, { alt }));
      return [{ id: undefined, key: uuid, author: me, text: value.text, files, at: new Date(at), delivery }];
    });
    return waiting.length ? [...known.lines, ...waiting] : known.lines;
  }, [entries, known.lines, me, room]);

  const say = useCallback(
    (text: string, attachments: readonly Attachment[]) => {
      // One name for the message and its request: the server tells a second try from a second message by it.
      const key = randomKey();
      client.send(SendChat, { room, text, key, attachments }, { uuid: key }).catch(() => {}); // The outbox tells how it fares.
    },
    [client, room],
  );
  return { ...known, lines, isFetching, fetchOlder, say, retry, discard, error };
}

/** 128 random bits; `crypto.randomUUID` is not there on pages that came by plain HTTP. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

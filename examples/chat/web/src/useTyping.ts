import { useClient } from "@psd/client/react";
import { useCallback, useEffect, useRef, useState } from "react";

import { ChatSent, SomebodyTypes, Typing } from "./messages";

/** Milliseconds between two words to the server that one is typing. */
const INTERVAL = 2500;
/** Milliseconds after which somebody who said so no more is taken to have stopped. */
const PATIENCE = 4000;

/** Who is typing in a room, and a way to say that one is. */
export function useTyping(room: string, me: string) {
  const client = useClient();
  const [until, setUntil] = useState<ReadonlyMap<string, number>>(new Map());
  const told = useRef(0);

  useEffect(() => {
    setUntil(new Map());
    told.current = 0;
    const change = (name: string, end: number | undefined) =>
      setUntil((before) => {
        const after = new Map(before);
        if (end) after.set(name, end);
        else after.delete(name);
        return after;
      });
    const stops = [
      client.on(SomebodyTypes, (message) => {
        if (message.room === room && message.author !== me) change(message.author, Date.now() + PATIENCE);
      }),
      client.on(ChatSent, (message) => {
        if (message.room !== room) return;
        change(message.author, undefined);
        // With that, others take it that one has stopped: the next letter is news.
        if (message.author === me) told.current = 0;
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }, [client, room, me]);

  const next = Math.min(...until.values());
  useEffect(() => {
    if (next === Infinity) return;
    const timer = setTimeout(() => {
      setUntil((before) => new Map([...before].filter(([, end]) => end > Date.now())));
    }, next - Date.now() + 1);
    return () => clearTimeout(timer);
  }, [next]);

  const tell = useCallback(() => {
    if (Date.now() - told.current < INTERVAL || client.connection.getSnapshot().status !== "open") return;
    told.current = Date.now();
    client.send(Typing, { room }, { noAck: true }).catch(() => {}); // It is no loss.
  }, [client, room]);
  return { typing: [...until.keys()], tell };
}

import { useClient, useFetch } from "@psd/client/react";
import { useCallback, useEffect, useMemo, useState } from "react";

import { ListRooms, RoomChanged, Rooms, type Room } from "./messages";
import { lineOf, type Line } from "./lines";
import { useKept } from "./useKept";

export interface RoomEntry {
  name: string;
  last: Line | undefined;
  isUnread: boolean;
}

/** Every room in the order of their names, and what of it was seen. */
export function useRooms(me: string) {
  const client = useClient();
  const { data } = useFetch(ListRooms, {}, Rooms);
  const [known, setKnown] = useState<ReadonlyMap<string, Room>>(new Map());
  const [isLoaded, setIsLoaded] = useState(false);
  const [seen, setSeen] = useKept<Record<string, number>>("chat.seen", {});

  const note = useCallback((rooms: readonly Room[]) => {
    setKnown((before) => {
      const after = new Map(before);
      for (const room of rooms) {
        const older = after.get(room.name);
        // What came by itself may be newer than the list that was asked for.
        if ((older?.last?.id ?? -1) <= (room.last?.id ?? -1)) after.set(room.name, room);
        else if (!older) after.set(room.name, room);
      }
      return after;
    });
  }, []);
  useEffect(() => {
    if (!data) return;
    note(data.rooms);
    // Together with the rooms: a list that is loaded and empty would take the room away from under somebody who types.
    setIsLoaded(true);
  }, [data, note]);
  useEffect(() => client.on(RoomChanged, ({ room }) => room && note([room])), [client, note]);

  const rooms = useMemo<RoomEntry[]>(() => {
    const entries = [...known.values()].map(({ name, last }) => ({
      name,
      last: last && lineOf(last),
      isUnread: !!last && last.id > (seen[name] ?? 0) && last.author !== me,
    }));
    return entries.sort((a, b) => a.name.localeCompare(b.name));
  }, [known, seen, me]);
  const see = useCallback(
    (room: string, id: number) => setSeen((before) => (id > (before[room] ?? 0) ? { ...before, [room]: id } : before)),
    [setSeen],
  );
  return { rooms, isLoaded, see };
}

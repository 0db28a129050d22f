import { useAuth, useClient, useConnection } from "@psd/client/react";
import { useCallback, useEffect, useRef, useState } from "react";

import { NewRoom } from "./NewRoom";
import { Room } from "./Room";
import { Rooms } from "./Rooms";
import { sentence } from "./format";
import { CreateRoom } from "./messages";
import { useAddress } from "./useAddress";
import { useRooms } from "./useRooms";

/** What may cover the room on a small screen. */
export type Drawer = "rooms" | "people";

/** The whole chat of somebody who is signed in. */
export function Chat({ me }: { me: string }) {
  const client = useClient();
  const { logout } = useAuth();
  const isOpen = useConnection().status === "open";
  const { rooms, isLoaded, see } = useRooms(me);
  const [address, go] = useAddress();
  const [drawer, setDrawer] = useState<Drawer>();
  const [isMaking, setIsMaking] = useState(false);
  const [notice, setNotice] = useNotice();

  // Until the rooms are known, the address is believed: what was kept of the room is shown at once.
  const wanted = address || "General";
  const exists = rooms.some((room) => room.name === wanted);
  const current = !isLoaded || exists ? wanted : (rooms.find((room) => room.name === "General") ?? rooms[0])?.name;

  const unread = rooms.filter((room) => room.isUnread).length;
  useEffect(() => {
    document.title = `${unread ? `(${unread}) ` : ""}${current ? `${current} · ` : ""}Chat`;
    return () => void (document.title = "Chat");
  }, [unread, current]);

  useEffect(() => {
    if (!drawer) return;
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && closeDrawer();
    const queries = [700, 1020].map((width) => matchMedia(`(max-width: ${width}px)`));
    const closeDrawer = () => setDrawer(undefined);
    addEventListener("keydown", onKey);
    for (const query of queries) query.addEventListener("change", closeDrawer);
    const opener = document.getElementById(`to-${drawer}`);
    document.querySelector<HTMLElement>(`#${drawer} .close`)?.focus();
    return () => {
      removeEventListener("keydown", onKey);
      for (const query of queries) query.removeEventListener("change", closeDrawer);
      opener?.focus();
    };
  }, [drawer]);

  const open = useCallback(
    (room: string) => {
      setDrawer(undefined);
      go(room);
    },
    [go],
  );
  const make = async (name: string) => {
    await client.send(CreateRoom, { name });
    open(name);
  };
  const signOut = () => void logout().catch((error: unknown) => setNotice(sentence(error)));

  return (
    <div id="chat" className={isOpen ? "" : "apart"} data-drawer={drawer}>
      <Rooms
        rooms={rooms}
        current={current}
        me={me}
        onOpen={open}
        onNew={() => setIsMaking(true)}
        onSignOut={signOut}
        onClose={() => setDrawer(undefined)}
      />
      {current !== undefined && (
        <Room key={current} room={current} me={me} hasUnread={unread > 0} drawer={drawer} onDrawer={setDrawer} onSeen={see} />
      )}
      <div id="shade" onClick={() => setDrawer(undefined)} />
      {isMaking && <NewRoom onMake={make} onClose={() => setIsMaking(false)} />}
      {notice && (
        <div id="notice" role="status">
          {notice}
        </div>
      )}
    </div>
  );
}

/** A text that goes by itself after five seconds. */
function useNotice() {
  const [notice, setNotice] = useState("");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const show = useCallback((text: string) => {
    clearTimeout(timer.current);
    setNotice(text);
    timer.current = setTimeout(() => setNotice(""), 5000);
  }, []);
  return [notice, show] as const;
}

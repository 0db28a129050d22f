import { Avatar } from "./Avatar";
import { IconButton } from "./Icon";
import { shortTime } from "./format";
import { summary } from "./lines";
import type { RoomEntry } from "./useRooms";

interface Properties {
  rooms: readonly RoomEntry[];
  current: string | undefined;
  me: string;
  onOpen(name: string): void;
  onNew(): void;
  onSignOut(): void;
  onClose(): void;
}

/** Every room, with what was said last in it. */
export function Rooms({ rooms, current, me, onOpen, onNew, onSignOut, onClose }: Properties) {
  return (
    <nav id="rooms" className="side" aria-label="Rooms">
      <header>
        <h2>Rooms</h2>
        <IconButton id="new-room" icon="plus" label="New room" onClick={onNew} />
        <IconButton icon="close" label="Close the rooms" className="close" onClick={onClose} />
      </header>
      <ul id="room-list">
        {rooms.map((room) => (
          <li key={room.name}>
            <button
              type="button"
              className={room.isUnread ? "unread" : ""}
              aria-current={room.name === current ? "page" : undefined}
              onClick={() => onOpen(room.name)}
            >
              <span className="name">{room.name}</span>
              {room.last ? (
                <>
                  <time dateTime={room.last.at.toISOString()}>{shortTime(room.last.at)}</time>
                  <span className="last">
                    {room.last.author === me ? "You" : room.last.author}: {summary(room.last)}
                  </span>
                </>
              ) : (
                <>
                  <span />
                  <span className="last">No messages yet</span>
                </>
              )}
              {room.isUnread && (
                <span className="dot">
                  <span className="quiet">unread</span>
                </span>
              )}
            </button>
          </li>
        ))}
      </ul>
      <div id="me">
        <Avatar name={me} small />
        <span className="who">{me}</span>
        <IconButton id="sign-out" icon="out" label="Sign out" onClick={onSignOut} />
      </div>
    </nav>
  );
}

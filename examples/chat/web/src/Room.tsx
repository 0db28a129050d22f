import { useMessages } from "@psd/client/react";
import { useCallback, useEffect, useState } from "react";

import { Banner } from "./Banner";
import type { Drawer } from "./Chat";
import { Composer } from "./Composer";
import { Icon, IconButton } from "./Icon";
import { Log } from "./Log";
import { People } from "./People";
import { Tray } from "./Tray";
import { drafts } from "./drafts";
import type { Line } from "./lines";
import { PeopleChanged } from "./messages";
import { useAttachments } from "./useAttachments";
import { useDropZone } from "./useDropZone";
import { useRoom } from "./useRoom";
import { useTyping } from "./useTyping";

interface Properties {
  room: string;
  me: string;
  /** Whether something unseen is in other rooms. */
  hasUnread: boolean;
  drawer: Drawer | undefined;
  onDrawer(drawer: Drawer | undefined): void;
  onSeen(room: string, id: number): void;
}

/** The room that is shown: what was said, who is here, and where one types. */
export function Room({ room, me, hasUnread, drawer, onDrawer, onSeen }: Properties) {
  const { lines, loaded, complete, isFetching, fetchOlder, say, retry, discard } = useRoom(room, me);
  const people = useMessages(PeopleChanged, { filter: { room }, limit: 1 }).at(-1)?.people ?? [];
  const { typing, tell } = useTyping(room, me);
  const [draft, setDraft] = useState(drafts.get(room) ?? "");
  const attachments = useAttachments(room);
  const [zone, isOver] = useDropZone(attachments.add);
  /** Whether the draft is sent as soon as its files are there. */
  const [isWaiting, setIsWaiting] = useState(false);

  const write = (text: string) => {
    setDraft(text);
    setIsWaiting(false);
    drafts.set(room, text);
    if (text.trim()) tell();
  };
  const { isReady, isStuck } = attachments;
  const send = (text: string) => {
    if (!isReady) return setIsWaiting(!isStuck);
    say(text, attachments.attachments);
    attachments.drop(attachments.entries.map(({ id }) => id));
    write("");
  };
  useEffect(() => {
    if (!isWaiting) return;
    if (isReady) send(draft.trim());
    else if (isStuck) setIsWaiting(false);
  });
  const onOlder = useCallback(() => void fetchOlder(), [fetchOlder]);
  const see = useCallback((id: number) => onSeen(room, id), [onSeen, room]);
  const onRetry = useCallback((line: Line) => retry(line.key), [retry]);
  const onDiscard = useCallback((line: Line) => discard(line.key), [discard]);

  return (
    <>
      <main inert={drawer !== undefined} {...zone}>
        <header>
          <IconButton
            id="to-rooms"
            icon="menu"
            label="Rooms"
            className={hasUnread ? "unread" : ""}
            aria-controls="rooms"
            aria-expanded={drawer === "rooms"}
            onClick={() => onDrawer("rooms")}
          />
          <h1>
            <span aria-hidden="true">#</span>
            <b id="room-name">{room}</b>
          </h1>
          <button
            id="to-people"
            type="button"
            className="icon"
            title="Who is here"
            aria-controls="people"
            aria-expanded={drawer === "people"}
            onClick={() => onDrawer("people")}
          >
            <Icon name="people" />
            <span id="people-count">{people.length || ""}</span>
            <span className="quiet">people are here</span>
          </button>
        </header>
        <Banner />
        <Log
          room={room}
          me={me}
          lines={lines}
          loaded={loaded}
          complete={complete}
          fetching={isFetching}
          onOlder={onOlder}
          onSeen={see}
          onRetry={onRetry}
          onDiscard={onDiscard}
        />
        <p id="typing" role="status">
          {phrase(typing)}
        </p>
        <Tray attachments={attachments} />
        <Composer
          room={room}
          text={draft}
          hasFiles={attachments.entries.length > 0}
          isStuck={isStuck}
          isWaiting={isWaiting}
          onChange={write}
          onFiles={attachments.add}
          onSay={send}
        />
        {isOver && (
          <div id="drop">
            <Icon name="attach" />
            Drop the files to share them in #{room}
          </div>
        )}
      </main>
      <People people={people} me={me} onClose={() => onDrawer(undefined)} />
    </>
  );
}

function phrase(typing: readonly string[]): string {
  const [first, second] = typing;
  if (first === undefined) return "";
  if (second === undefined) return `${first} is typing…`;
  return typing.length === 2 ? `${first} and ${second} are typing…` : "Several people are typing…";
}

import { Fragment, useEffect, useLayoutEffect, useRef, useState } from "react";

import { Icon } from "./Icon";
import { MessageItem } from "./MessageItem";
import { dayName } from "./format";
import { continues, type Line } from "./lines";

/** Closer to the end than this many pixels counts as at the end. */
const NEAR = 60;
/** Closer to the top than this many pixels, older messages are fetched. */
const NEAR_TOP = 200;

interface Properties {
  room: string;
  me: string;
  lines: readonly Line[];
  /** Whether the server, or what was kept, has told what the room holds. */
  loaded: boolean;
  /** Whether nothing older is left. */
  complete: boolean;
  fetching: boolean;
  onOlder(): void;
  /** Called with the newest message's id whenever it is in sight of somebody who looks. */
  onSeen(id: number): void;
  onRetry(line: Line): void;
  onDiscard(line: Line): void;
}

/** What was said in a room: begins at its end, follows what is new while the end is in sight, and stays put otherwise. */
export function Log({ room, me, lines, loaded, complete, fetching, onOlder, onSeen, onRetry, onDiscard }: Properties) {
  const scroller = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  /** Pixels from the top of what is shown to the end, before the newest change. */
  const fromEnd = useRef(0);
  const newest = lines.at(-1)?.key;
  const oldest = lines[0]?.key;
  const shown = useRef<{ newest: string | undefined; oldest: string | undefined }>({ newest, oldest });
  const [hasNews, setHasNews] = useState(false);

  const restOf = (element: HTMLElement) => element.scrollHeight - element.scrollTop - element.clientHeight;
  const toEnd = () => {
    const element = scroller.current;
    if (element) element.scrollTop = element.scrollHeight;
  };

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const mine = lines.at(-1)?.id === undefined && newest !== shown.current.newest;
    if (follows.current || mine) {
      toEnd();
      setHasNews(false);
    } else if (newest !== shown.current.newest) {
      setHasNews(true);
    } else if (oldest !== shown.current.oldest) {
      element.scrollTop = element.scrollHeight - fromEnd.current; // Older ones came in above: what is read stays.
    }
    shown.current = { newest, oldest };
    fromEnd.current = element.scrollHeight - element.scrollTop;
  }, [lines, newest, oldest]);

  const newestId = lines.findLast((line) => line.id !== undefined)?.id;
  useEffect(() => {
    const look = () => {
      const element = scroller.current;
      if (!element || newestId === undefined) return;
      if (document.visibilityState === "visible" && restOf(element) < NEAR) onSeen(newestId);
      // A tall window may show the top already.
      if (element.scrollHeight <= element.clientHeight) onOlder();
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [newestId, lines, onSeen, onOlder]);

  // The composer grows, a telephone's keyboard opens, a picture arrives: the end stays in sight.
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      if (follows.current) toEnd();
    });
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    return () => observer.disconnect();
  }, []);

  const onScroll = () => {
    const element = scroller.current;
    if (!element) return;
    follows.current = restOf(element) < NEAR;
    fromEnd.current = element.scrollHeight - element.scrollTop;
    if (element.scrollTop < NEAR_TOP) onOlder();
    if (follows.current) {
      setHasNews(false);
      if (newestId !== undefined && document.visibilityState === "visible") onSeen(newestId);
    }
  };

  return (
    <div id="log">
      <div id="scroller" ref={scroller} tabIndex={0} role="log" aria-label="Messages" onScroll={onScroll}>
        {lines.length > 0 && (
          <div id="older">{complete ? `This is where #${room} begins.` : fetching ? "Loading…" : ""}</div>
        )}
        {lines.length === 0 && <Nothing room={room} loaded={loaded} />}
        <ol id="messages">
          {lines.map((line, index) => {
            const before = lines[index - 1];
            const isNewDay = !before || dayName(before.at) !== dayName(line.at);
            return (
              <Fragment key={line.key || line.id}>
                {isNewDay && <li className="day">{dayName(line.at)}</li>}
                <MessageItem
                  line={line}
                  isFirst={isNewDay || !continues(before, line)}
                  isMine={line.author === me}
                  onRetry={onRetry}
                  onDiscard={onDiscard}
                />
              </Fragment>
            );
          })}
        </ol>
      </div>
      {hasNews && (
        <button id="newer" type="button" onClick={toEnd}>
          <Icon name="down" />
          New messages
        </button>
      )}
    </div>
  );
}

function Nothing({ room, loaded }: { room: string; loaded: boolean }) {
  if (!loaded) return <div className="nothing">Loading…</div>;
  return (
    <div className="nothing">
      <Icon name="chat" />
      <b>Nothing was said in #{room} yet</b>
      <span>Be the first: say hello.</span>
    </div>
  );
}

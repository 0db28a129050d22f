import { memo } from "react";

import { Avatar, colourOf } from "./Avatar";
import { Files } from "./Files";
import { Icon } from "./Icon";
import { clock, longTime, splitLinks } from "./format";
import type { Line } from "./lines";

interface Properties {
  line: Line;
  /** Whether it begins what its author has to say, and so bears the name. */
  isFirst: boolean;
  isMine: boolean;
  onRetry(line: Line): void;
  onDiscard(line: Line): void;
}

/** One message of a room, said or still on its way. */
export const MessageItem = memo(function MessageItem({ line, isFirst, isMine, onRetry, onDiscard }: Properties) {
  const { author, text, files, at, delivery } = line;
  const time = (className?: string) => (
    <time className={className} dateTime={at.toISOString()} title={longTime(at)}>
      {clock(at)}
    </time>
  );
  const state = delivery?.status === "failed" ? "failed" : delivery ? "pending" : "";
  return (
    <li className={`message ${isFirst ? "first" : ""} ${state}`} style={colourOf(author)}>
      {isFirst ? (
        <>
          <span className="face">
            <Avatar name={author} />
          </span>
          <div className="head">
            <span className="author">{author}</span>
            {time()}
          </div>
        </>
      ) : (
        <>
          <span className="quiet">{author}</span>
          {time("aside")}
        </>
      )}
      <div className="line">
        <span className="text">
          {splitLinks(text).map((part, index) =>
            index % 2 ? (
              <a key={index} href={part} target="_blank" rel="noopener noreferrer">
                {part}
              </a>
            ) : (
              part
            ),
          )}
        </span>
        {isMine && text && <Tick line={line} />}
        {files.length > 0 && <Files files={files} />}
        {isMine && !text && <Tick line={line} />}
      </div>
      {delivery?.status === "failed" && (
        <div className="state">
          Not sent: {delivery.reason}.
          <button type="button" className="link" onClick={() => onRetry(line)}>
            Try again
          </button>
          <button type="button" className="link" onClick={() => onDiscard(line)}>
            Discard
          </button>
        </div>
      )}
    </li>
  );
});

/** How far one's own message has come. */
function Tick({ line: { delivery } }: { line: Line }) {
  const [icon, label] = !delivery
    ? (["tick", "Sent"] as const)
    : delivery.status === "failed"
      ? (["alert", "Not sent"] as const)
      : delivery.attempts > 1
        ? (["clock", "Sending again"] as const)
        : (["clock", "Sending"] as const);
  return (
    <span className="tick" title={label}>
      <Icon name={icon} />
      <span className="quiet">{label}</span>
    </span>
  );
}

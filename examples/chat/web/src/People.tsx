import { Avatar } from "./Avatar";
import { IconButton } from "./Icon";

/** Who is in the room, in the order of their names. */
export function People({ people, me, onClose }: { people: readonly string[]; me: string; onClose(): void }) {
  return (
    <aside id="people" className="side" aria-label="Who is here">
      <header>
        <h2>Here now</h2>
        <IconButton icon="close" label="Close the list of people" className="close" onClick={onClose} />
      </header>
      <ul id="people-list">
        {people.map((name) => (
          <li key={name}>
            <span className="face">
              <Avatar name={name} small />
            </span>
            <span className="who">
              {name}
              {name === me && <span className="you"> (you)</span>}
            </span>
          </li>
        ))}
      </ul>
    </aside>
  );
}

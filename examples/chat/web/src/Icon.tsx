const PATHS = {
  chat: "M5 4h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM8 9h8M8 12.5h5",
  send: "M5 12h14M13 6l6 6-6 6",
  plus: "M12 5v14M5 12h14",
  menu: "M4 7h16M4 12h16M4 17h10",
  people:
    "M5.5 8.5a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0M2.5 19.5c.6-3.4 3.2-5 6.5-5s5.9 1.6 6.5 5M16 5.3a3.4 3.4 0 0 1 0 6.4M18 14.9c2 .7 3.2 2.3 3.5 4.6",
  close: "M6 6l12 12M18 6L6 18",
  down: "M12 5v14M6 13l6 6 6-6",
  out: "M10 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h4M15 8l4 4-4 4M19 12H9",
  clock: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 7.5V12l3 2",
  tick: "M5 12.5l4.5 4.5L19 7.5",
  alert: "M12 3.5L2.5 20h19zM12 10v4.5M12 17.2v.1",
  attach: "M20 11.5l-8.3 8.2a5 5 0 0 1-7.1-7.1l8.6-8.5a3.4 3.4 0 0 1 4.8 4.8l-8.5 8.4a1.7 1.7 0 0 1-2.4-2.4l7.7-7.6",
  pause: "M9 6v12M15 6v12",
  play: "M8 5.5l10.5 6.5L8 18.5z",
  file: "M13.5 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8.5zM13.5 3v5.5H19",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
};

export type IconName = keyof typeof PATHS;

/** A drawing that says nothing by itself: the control it stands in has a name of its own. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A button that shows a drawing only; `label` names it to everyone else. */
export function IconButton({ icon, label, ...rest }: { icon: IconName; label: string } & React.ComponentProps<"button">) {
  return (
    <button type="button" title={label} {...rest} className={`icon ${rest.className ?? ""}`}>
      <Icon name={icon} />
      <span className="quiet">{label}</span>
    </button>
  );
}

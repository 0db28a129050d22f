import { useCallback, useEffect, useState } from "react";

/** The room that the page's address names, and a way to go to another, so that «back» goes back. */
export function useAddress(): readonly [string, (room: string) => void] {
  const [room, setRoom] = useState(addressed);
  useEffect(() => {
    const look = () => setRoom(addressed());
    addEventListener("popstate", look);
    return () => removeEventListener("popstate", look);
  }, []);
  const go = useCallback((next: string) => {
    if (addressed() !== next) history.pushState(null, "", `#${encodeURIComponent(next)}`);
    setRoom(next);
  }, []);
  return [room, go];
}

function addressed(): string {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

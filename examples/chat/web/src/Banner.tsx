import { useClient, useConnection } from "@psd/client/react";
import { useEffect, useState } from "react";

/** Milliseconds for which an attempt is nobody's business. */
const PATIENCE = 600;

/** Says what is wrong with the connection, and nothing while all is well. */
export function Banner() {
  const client = useClient();
  const state = useConnection();
  const [now, setNow] = useState(Date.now);
  const [since, setSince] = useState(Date.now);

  useEffect(() => {
    setSince(Date.now());
    setNow(Date.now());
    if (state.status === "open" || state.status === "closed") return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [state]);

  const again = (label: string) => (
    <button type="button" className="link" onClick={() => client.connect()}>
      {label}
    </button>
  );
  switch (state.status) {
    case "open":
      return null;
    case "idle":
    case "connecting":
      return now - since < PATIENCE ? null : <div id="banner" role="status"><span>Connecting…</span></div>;
    case "closed":
      return (
        <div id="banner" role="status">
          <span>The server has closed the connection.</span>
          {again("Connect again")}
        </div>
      );
    case "draining":
    case "waiting": {
      const seconds = Math.ceil((state.until - now) / 1000);
      const what =
        state.status === "draining"
          ? "The server is restarting."
          : navigator.onLine
            ? "The connection is lost."
            : "You are offline.";
      return (
        <div id="banner" role="status">
          <span>
            {what} {seconds > 1 ? `Trying again in ${seconds} seconds.` : "Trying again."} What you write is kept.
          </span>
          {state.status === "waiting" && again("Try now")}
        </div>
      );
    }
  }
}

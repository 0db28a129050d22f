import { useAuth } from "@psd/client/react";

import { Chat } from "./Chat";
import { Welcome } from "./Welcome";
import { useProfile } from "./useProfile";

export function App() {
  const auth = useAuth();
  const name = useProfile();
  if (auth.status === "loading") return null;
  if (auth.status !== "signed-in") return <Welcome wasSignedOut={auth.status === "signed-out"} />;
  // Whoever signs in as somebody else begins with nothing of the one before.
  return <Chat key={auth.user} me={name ?? ""} />;
}

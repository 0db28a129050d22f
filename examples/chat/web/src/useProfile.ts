import { useAuth, useFetch, useMessage } from "@psd/client/react";

import { FetchProfile, Profile } from "./messages";

/** The name of whoever is signed in; known from the last time, too, while there is no connection. */
export function useProfile(): string | undefined {
  const { status } = useAuth();
  const enabled = status === "signed-in";
  useFetch(FetchProfile, {}, Profile, { enabled });
  return useMessage(Profile, { initialFromCache: true, enabled })?.name;
}

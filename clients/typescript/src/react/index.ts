/** React hooks (18 and 19) of the psd client. */
export { PsdProvider, useAuth, useClient, useConnection, useStore } from "./context.js";
export { useMessage, useMessages, type MessagesOptions } from "./messages.js";
export { useFetch, useOutbox, useSend, type FetchOptions, type FetchState, type SendState } from "./requests.js";
export { useUpload, type UploadHook, type UploadHookOptions } from "./upload.js";

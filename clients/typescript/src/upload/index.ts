/** Uploads that survive bad networks, reloads and restarts of the server, by tus 1.0.0 or over the client's connection. */
export { UploadedFile } from "../common/sfiles.js";
export type { Upload, UploadEntry, UploadOptions, UploadProgress, Uploads, UploadsOptions, UploadStatus, UploadWay } from "./types.js";
export { createUploads } from "./uploads.js";

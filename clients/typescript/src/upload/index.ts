/** Uploads that survive bad networks, reloads and restarts of the server, by tus 1.0.0. */
export { UploadedFile } from "../common/sfiles.js";
export type { Upload, UploadEntry, UploadOptions, UploadProgress, Uploads, UploadsOptions, UploadStatus } from "./types.js";
export { createUploads } from "./uploads.js";

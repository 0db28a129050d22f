/** The parts of a client that keep messages while there is no connection; generated contracts name those they need. */
export { cache } from "./cache.js";
export { outbox } from "./outbox.js";

/** What was begun in each room and not sent; for as long as the page lives. */
export const drafts = new Map<string, string>();

-- Names differ by more than the case of their letters.
CREATE TABLE people (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE COLLATE NOCASE,
    token   TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE rooms (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE COLLATE NOCASE
) STRICT;

-- An author is a name, not a row of `people`: what was said stays when somebody signs out.
CREATE TABLE messages (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id INTEGER NOT NULL REFERENCES rooms (id),
    author  TEXT NOT NULL,
    text    TEXT NOT NULL,
    key     TEXT,
    sent_at INTEGER NOT NULL, -- milliseconds since 1970
    UNIQUE (author, key)
) STRICT;

CREATE INDEX messages_by_room ON messages (room_id, id);

INSERT INTO rooms (name) VALUES ('General');

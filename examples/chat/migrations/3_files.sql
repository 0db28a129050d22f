-- The files of a message: a list in JSON.
ALTER TABLE messages ADD COLUMN files TEXT NOT NULL DEFAULT '[]';

-- Names had no passwords before; accounts are kept by psd, in tables called `psd_…`.
DROP TABLE people;

-- One row: what tokens are signed with.
CREATE TABLE secret (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    secret  TEXT NOT NULL
) STRICT;

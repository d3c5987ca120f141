-- What camrelay keeps of rooms. Open it with any SQLite program to read, also while it runs:
--   SELECT path, offset, datetime(at, 'unixepoch'), user, body FROM entry JOIN room ON room = id;

-- One row for the whole file.
CREATE TABLE store (
    epoch TEXT NOT NULL,        -- of rooms that are new
    boot  TEXT NOT NULL         -- the boot of the machine in which it was opened; empty when closed
);
INSERT INTO store VALUES (lower(hex(randomblob(5))), '');

-- The rooms in which anything was said.
CREATE TABLE room (
    id      INTEGER PRIMARY KEY,
    path    TEXT NOT NULL UNIQUE,
    epoch   TEXT NOT NULL,
    top     INTEGER NOT NULL,   -- the highest offset that is not kept any more
    seconds REAL NOT NULL,      -- how long its entries are kept
    due_at  REAL NOT NULL       -- its oldest entry is not too old before
);
CREATE INDEX room_due_at ON room (due_at);

-- What was said. The offsets of a room are dense.
CREATE TABLE entry (
    room      INTEGER NOT NULL REFERENCES room (id),
    offset    INTEGER NOT NULL,
    at        REAL NOT NULL,    -- seconds since 1970
    publisher TEXT NOT NULL,
    user      TEXT NOT NULL,
    key       TEXT NOT NULL,
    is_binary INTEGER NOT NULL,
    body      NOT NULL,         -- TEXT, or a BLOB when it is binary
    PRIMARY KEY (room, offset)
) WITHOUT ROWID;

-- Whoever deletes entries: their offsets are not given again.
CREATE TRIGGER entry_gone AFTER DELETE ON entry
WHEN OLD.offset > (SELECT top FROM room WHERE id = OLD.room) BEGIN
    UPDATE room SET top = OLD.offset WHERE id = OLD.room;
END;

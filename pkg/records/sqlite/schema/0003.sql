-- Which sessions of a user have ended (a JSON object: id to until when that matters),
-- when all of them did, and since when the user has been leaving.
ALTER TABLE users ADD COLUMN ended TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN signed_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN deleted_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_leaving ON users (deleted_at, id) WHERE deleted_at <> 0;
CREATE INDEX identities_by_user ON identities (user_id);

-- The owner is leaving.
ALTER TABLE wikis ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;

CREATE TABLE sessions (
  user_id     TEXT NOT NULL,
  id          TEXT NOT NULL,
  kind        TEXT NOT NULL,
  name        TEXT NOT NULL,
  secret_hash TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  last_used   INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  provider    TEXT NOT NULL,
  sealed      BLOB NOT NULL,
  PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE connections (
  user_id      TEXT NOT NULL,
  id           TEXT NOT NULL,
  wiki_id      TEXT NOT NULL,
  client_id    TEXT NOT NULL,
  client_name  TEXT NOT NULL,
  client_host  TEXT NOT NULL,
  resource     TEXT NOT NULL,
  role         TEXT NOT NULL,
  refresh_hash TEXT NOT NULL,
  former_hash  TEXT NOT NULL,
  rotated_at   INTEGER NOT NULL,
  seed         TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  last_used    INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX connections_by_expiry ON connections (expires_at);

CREATE TABLE tickets (
  kind       TEXT NOT NULL,
  hash       TEXT NOT NULL,
  data       BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  spent_at   INTEGER NOT NULL,
  note       TEXT NOT NULL,
  PRIMARY KEY (kind, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_by_expiry ON tickets (expires_at);

CREATE TABLE clients (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  uri           TEXT NOT NULL,
  redirect_uris TEXT NOT NULL, -- a JSON array
  created_at    INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX clients_by_expiry ON clients (expires_at);

-- How often something happened in the window that ends at a time.
CREATE TABLE counters (
  key     TEXT NOT NULL,
  span    INTEGER NOT NULL, -- the window's length, in nanoseconds
  ends_at INTEGER NOT NULL,
  count   INTEGER NOT NULL,
  PRIMARY KEY (key, span, ends_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX counters_by_end ON counters (ends_at);

-- Times are Unix nanoseconds; 0 stands for "never".

CREATE TABLE users (
  id           TEXT PRIMARY KEY,
  username     TEXT NOT NULL,
  email        TEXT NOT NULL,
  display_name TEXT NOT NULL,
  tier         TEXT NOT NULL,
  wikis        INTEGER NOT NULL,
  created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The one namespace of usernames and slugs. No user and no wiki: a tombstone.
CREATE TABLE names (
  name    TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  wiki_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE emails (
  folded  TEXT PRIMARY KEY,
  user_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE identities (
  provider TEXT NOT NULL,
  subject  TEXT NOT NULL,
  user_id  TEXT NOT NULL,
  PRIMARY KEY (provider, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE wikis (
  id           TEXT PRIMARY KEY,
  slug         TEXT NOT NULL,
  name         TEXT NOT NULL,
  owner_id     TEXT NOT NULL,
  tier         TEXT NOT NULL,
  public       INTEGER NOT NULL,
  head         TEXT NOT NULL,
  sequence     INTEGER NOT NULL,
  head_at      INTEGER NOT NULL,
  page_count   INTEGER NOT NULL,
  file_bytes   INTEGER NOT NULL,
  base_packs   TEXT NOT NULL, -- a JSON array of names
  index_commit TEXT NOT NULL,
  index_file   TEXT NOT NULL,
  index_sequence INTEGER NOT NULL,
  created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX wikis_by_owner ON wikis (owner_id);

CREATE TABLE idempotency (
  wiki_id     TEXT NOT NULL,
  key         TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  result      BLOB NOT NULL,
  expires_at  INTEGER NOT NULL,
  PRIMARY KEY (wiki_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

CREATE TABLE grants (
  wiki_id    TEXT NOT NULL,
  user_id    TEXT NOT NULL,
  role       TEXT NOT NULL,
  granted_by TEXT NOT NULL,
  granted_at INTEGER NOT NULL,
  PRIMARY KEY (wiki_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_by_user ON grants (user_id);

CREATE TABLE tokens (
  hash       TEXT PRIMARY KEY,
  id         TEXT NOT NULL,
  wiki_id    TEXT NOT NULL,
  user_id    TEXT NOT NULL,
  name       TEXT NOT NULL,
  role       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  last_used  INTEGER NOT NULL,
  last_agent TEXT NOT NULL,
  touches    TEXT NOT NULL -- a JSON object: agent to time, the last minute's
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tokens_by_wiki ON tokens (wiki_id, name);

CREATE TABLE activities (
  wiki_id  TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  name     TEXT NOT NULL,
  agent    TEXT NOT NULL,
  page     TEXT NOT NULL,
  kind     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- An event stays until its last delivery is done.
CREATE TABLE outbox (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  type       TEXT NOT NULL,
  wiki_id    TEXT NOT NULL,
  at         INTEGER NOT NULL,
  body       BLOB NOT NULL,
  fanned_out INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_new ON outbox (seq) WHERE fanned_out = 0;

-- One event on its way to one subscription.
CREATE TABLE deliveries (
  event_id     TEXT NOT NULL,
  subscription TEXT NOT NULL,
  wiki_id      TEXT NOT NULL,
  since        INTEGER NOT NULL, -- its age counts from here
  due_at       INTEGER NOT NULL, -- at first the event's seq: long past, in order
  attempts     INTEGER NOT NULL,
  reason       TEXT NOT NULL,    -- of the last failure
  dead         INTEGER NOT NULL,
  PRIMARY KEY (event_id, subscription)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (subscription, due_at, event_id) WHERE dead = 0;
CREATE INDEX deliveries_dead ON deliveries (event_id, subscription) WHERE dead = 1;

package index

// schemaVersion is the file's user_version. A file of any other version is
// rebuilt, so there are no migrations: raise it whenever a table, the order of
// commits, the rules of lineage or the terms of the full text change.
const schemaVersion = 2

// applicationID marks the file as ours ("WBix").
const applicationID = 0x57426978

// schema is the whole index. Commits are numbered by seq from 1, oldest first.
// A name is a path that some commit has had a page at; a page is a name that is
// in the head's tree, under the same id, which is also its row in search.
//
// Links lead to pages, embeds to files, by the keys of their paths.
//
// The pages a commit affects are kept twice: one small row per page, clustered
// by lineage, for the history of a page, and packed with the commit, for the
// changelog, where a commit that touches 3,000 pages would otherwise cost 3,000
// look-ups.
const schema = `
CREATE TABLE meta (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	wiki TEXT NOT NULL,
	head BLOB NOT NULL,
	sequence INTEGER NOT NULL
);
CREATE TABLE commits (
	seq INTEGER PRIMARY KEY,
	id BLOB NOT NULL,
	parent BLOB,
	author TEXT NOT NULL,
	email TEXT NOT NULL,
	agent TEXT NOT NULL,
	time INTEGER NOT NULL,
	message TEXT NOT NULL,
	pages BLOB,
	files BLOB
);
CREATE UNIQUE INDEX commits_id ON commits (id);
CREATE TABLE names (
	id INTEGER PRIMARY KEY,
	path TEXT NOT NULL UNIQUE,
	key TEXT NOT NULL,
	lineage INTEGER NOT NULL
);
CREATE INDEX names_key ON names (key);
CREATE TABLE changes (
	lineage INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	name INTEGER NOT NULL,
	old INTEGER NOT NULL,
	kind INTEGER NOT NULL,
	PRIMARY KEY (lineage, seq, name)
) WITHOUT ROWID;
CREATE TABLE pages (
	id INTEGER PRIMARY KEY,
	path TEXT NOT NULL,
	key TEXT NOT NULL,
	lineage INTEGER NOT NULL,
	blob BLOB NOT NULL,
	title TEXT NOT NULL,
	category TEXT NOT NULL,
	category_key TEXT NOT NULL,
	tags TEXT NOT NULL,
	words INTEGER NOT NULL,
	created INTEGER NOT NULL,
	last INTEGER NOT NULL,
	updated INTEGER NOT NULL
);
CREATE UNIQUE INDEX pages_key ON pages (key, path);
CREATE INDEX pages_lineage ON pages (lineage);
CREATE TABLE tags (
	tag TEXT NOT NULL,
	page INTEGER NOT NULL,
	PRIMARY KEY (tag, page)
) WITHOUT ROWID;
CREATE INDEX tags_page ON tags (page);
CREATE TABLE links (
	page INTEGER NOT NULL,
	key TEXT NOT NULL,
	alt_key TEXT NOT NULL,
	target TEXT NOT NULL,
	PRIMARY KEY (page, key, alt_key)
) WITHOUT ROWID;
CREATE INDEX links_key ON links (key);
CREATE INDEX links_alt ON links (alt_key) WHERE alt_key <> '';
CREATE TABLE embeds (
	page INTEGER NOT NULL,
	file TEXT NOT NULL,
	PRIMARY KEY (page, file)
) WITHOUT ROWID;
CREATE INDEX embeds_file ON embeds (file);
CREATE VIRTUAL TABLE search USING fts5 (
	title, path, headings, body,
	content = '', contentless_delete = 1, tokenize = 'ascii'
);
`

// The kinds of changes as stored.
const (
	created = iota + 1
	edited
	renamed
	deleted
)

var kindNames = [...]string{created: "created", edited: "edited", renamed: "renamed", deleted: "deleted"}

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// migrate switches the file to WAL and applies the schema versions it lacks, all
// in one transaction. Several processes may open a new file at the same moment.
func (w *writer) migrate(ctx context.Context) error {
	if err := w.enterWAL(ctx); err != nil {
		return err
	}
	files, err := fs.Glob(schema, "schema/*.sql")
	if err != nil {
		return err
	}
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := w.applyFrom(ctx, files); err != nil {
		_, _ = w.conn.ExecContext(ctx, "ROLLBACK")
		return err
	}
	_, err = w.conn.ExecContext(ctx, "COMMIT")
	return err
}

func (w *writer) applyFrom(ctx context.Context, files []string) error {
	var have int
	if err := w.conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if have > len(files) {
		return fmt.Errorf("schema version %d is newer than this program's %d: use the newer program", have, len(files))
	}
	for i, name := range files[have:] {
		script, err := schema.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := w.conn.ExecContext(ctx, string(script)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := w.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", have+i+1)); err != nil {
			return err
		}
	}
	return nil
}

// enterWAL tries for as long as a write would wait: SQLite does not ask the busy
// handler when the journal mode changes under another process's eyes.
func (w *writer) enterWAL(ctx context.Context) error {
	for deadline := time.Now().Add(busyTimeout); ; {
		var mode string
		err := w.conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		if err == nil && mode != "wal" {
			return fmt.Errorf("the file system offers no write-ahead log (journal mode %q)", mode)
		}
		if se, ok := errors.AsType[*sqlite.Error](err); !ok || se.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

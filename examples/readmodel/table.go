package main

import (
	"context"
	"database/sql"
	"fmt"

	_ "modernc.org/sqlite" // SQLite without cgo

	"github.com/brokerbridge/bridge/ordering/lane"
)

// schema has the balances in versions, of which readers see one. What was applied,
// up to which revision, and what was skipped below that are rows of one database,
// so that one transaction changes them together.
const schema = `
	CREATE TABLE IF NOT EXISTS balances (
		version INTEGER, account TEXT, revision INTEGER NOT NULL, cents INTEGER NOT NULL,
		PRIMARY KEY (version, account));
	CREATE TABLE IF NOT EXISTS skipped (
		version INTEGER, account TEXT, revision INTEGER, why TEXT NOT NULL, open INTEGER NOT NULL DEFAULT 1,
		PRIMARY KEY (version, account, revision));
	CREATE TABLE IF NOT EXISTS live (version INTEGER NOT NULL);
	INSERT INTO live SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM live);
	CREATE VIEW IF NOT EXISTS seen AS SELECT * FROM balances WHERE version = (SELECT version FROM live);`

// tables are all versions of the read model.
type tables struct{ *sql.DB }

// openTables opens them. SQLite's default is meant, a commit that is on the disk:
// the checkpoint must not outlive what it is the checkpoint of.
func openTables(ctx context.Context, path string) (*tables, error) {
	db, err := sql.Open("sqlite", path+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // one transaction at a time
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("open the tables: %w", err)
	}
	return &tables{db}, nil
}

// movement is an event as the tables take it.
type movement struct {
	account  string
	revision lane.Revision
	cents    int
}

// apply adds a movement to a version, in one transaction, and tells what was
// unusual about it. It may be called again with the same one: the revision that is
// kept with the balance says so.
//
// A revision that was skipped and comes after all is added then; sums do not mind
// the order. What does mind has to be built anew from the log.
func (db *tables) apply(ctx context.Context, version int, m movement, why func(lane.Revision) (string, error)) (told string, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	var last lane.Revision
	row := tx.QueryRowContext(ctx, `SELECT coalesce(max(revision), 0) FROM balances WHERE version = ? AND account = ?`, version, m.account)
	if err := row.Scan(&last); err != nil {
		return "", err
	}
	if m.revision > last {
		told, err = skip(ctx, tx, version, m, last+1, why)
	} else {
		told, err = drain(ctx, tx, version, m)
	}
	if err != nil || told == known {
		return told, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO balances (version, account, revision, cents) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET revision = max(revision, excluded.revision), cents = cents + excluded.cents`,
		version, m.account, m.revision, m.cents)
	if err != nil {
		return "", err
	}
	return told, tx.Commit()
}

// skip records the revisions below a movement that the account goes on without.
func skip(ctx context.Context, tx *sql.Tx, version int, m movement, next lane.Revision, why func(lane.Revision) (string, error)) (told string, err error) {
	for ; next < m.revision; next++ {
		reason, err := why(next)
		if err != nil {
			return "", err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO skipped (version, account, revision, why) VALUES (?, ?, ?, ?)`,
			version, m.account, next, reason)
		if err != nil {
			return "", err
		}
		told += fmt.Sprintf("is applied without %d (%s)", next, reason)
	}
	return told, nil
}

// known is what is told of a movement that was applied before.
const known = "is known already"

// drain closes the record of a movement that was skipped.
func drain(ctx context.Context, tx *sql.Tx, version int, m movement) (told string, err error) {
	closed, err := tx.ExecContext(ctx, `UPDATE skipped SET open = 0 WHERE version = ? AND account = ? AND revision = ? AND open = 1`,
		version, m.account, m.revision)
	if err != nil {
		return "", err
	}
	n, err := closed.RowsAffected()
	if err != nil || n == 0 {
		return known, err
	}
	return "is applied after all, and its record closed", nil
}

// show lets readers see a version, unless an account in it is behind what they see
// now. It reports whether they do.
func (db *tables) show(ctx context.Context, version int) (bool, error) {
	switched, err := db.ExecContext(ctx, `UPDATE live SET version = ?1 WHERE NOT EXISTS (
		SELECT 1 FROM seen LEFT JOIN balances AS b ON b.version = ?1 AND b.account = seen.account
		WHERE coalesce(b.revision, 0) < seen.revision)`, version)
	if err != nil {
		return false, err
	}
	n, err := switched.RowsAffected()
	return n > 0, err
}

// balance is a row as readers see it.
type balance struct {
	version int
	movement
}

// balances are all rows that readers see.
func (db *tables) balances(ctx context.Context) (all []balance, err error) {
	rows, err := db.QueryContext(ctx, `SELECT version, account, revision, cents FROM seen ORDER BY account`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var b balance
		if err := rows.Scan(&b.version, &b.account, &b.revision, &b.cents); err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, rows.Err()
}

// open lists what the version that readers see was built without.
func (db *tables) open(ctx context.Context) (list string, err error) {
	row := db.QueryRowContext(ctx, `SELECT coalesce(group_concat(account || ' ' || revision || ' (' || why || ')', ', ' ORDER BY account), 'nothing')
		FROM skipped WHERE open = 1 AND version = (SELECT version FROM live)`)
	return list, row.Scan(&list)
}

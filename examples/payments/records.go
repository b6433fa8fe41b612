package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"

	_ "modernc.org/sqlite" // SQLite without cgo
)

// facts are what one event says, nil where it says nothing.
type facts struct {
	Paid     *int    `json:"paid,omitempty"`     // the amount received
	Invoiced *int    `json:"invoiced,omitempty"` // the amount asked for
	Risk     *string `json:"risk,omitempty"`     // of fraud: low or high
}

// record is what is known of a payment.
type record struct {
	id string
	facts
	decision string // empty: not made yet
	now      bool   // it was made just now
}

// String is the record as it is: a phantom, or decided.
func (r record) String() string {
	known := fmt.Sprintf("paid %s, invoiced %s, risk %s: ", text(r.Paid), text(r.Invoiced), text(r.Risk))
	switch {
	case r.decision == "":
		return known + "a phantom"
	case r.now:
		return known + "decided now: " + r.decision
	}
	return known + "decided: " + r.decision
}

func text[T any](p *T) string {
	if p == nil {
		return "?"
	}
	return fmt.Sprint(*p)
}

// records are all payments, in SQLite.
type records struct{ *sql.DB }

func openRecords(ctx context.Context, path string) (*records, error) {
	db, err := sql.Open("sqlite", path+"?_pragma=journal_mode(wal)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // one transaction at a time
	_, err = db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS payments (
		id TEXT PRIMARY KEY, paid INTEGER, invoiced INTEGER, risk TEXT, -- NULL: it has not come yet
		decision TEXT)`)
	if err != nil {
		return nil, fmt.Errorf("open the records: %w", err)
	}
	return &records{db}, nil
}

// add adds facts to a record, which need not be there before, and decides once all
// is known, in one transaction. Done twice it does nothing twice.
func (db *records) add(ctx context.Context, id string, f facts) (r record, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return r, err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	_, err = tx.ExecContext(ctx, `INSERT INTO payments (id, paid, invoiced, risk) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			paid = coalesce(paid, excluded.paid),
			invoiced = coalesce(invoiced, excluded.invoiced),
			risk = coalesce(risk, excluded.risk)`, id, f.Paid, f.Invoiced, f.Risk)
	if err != nil {
		return r, err
	}
	decided, err := tx.ExecContext(ctx, `UPDATE payments
		SET decision = iif(paid = invoiced AND risk = 'low', 'accepted', 'refused')
		WHERE id = ? AND decision IS NULL
			AND paid IS NOT NULL AND invoiced IS NOT NULL AND risk IS NOT NULL`, id)
	if err != nil {
		return r, err
	}
	row := tx.QueryRowContext(ctx, `SELECT `+columns+` FROM payments WHERE id = ?`, id)
	if err := r.scan(row.Scan); err != nil {
		return r, err
	}
	n, err := decided.RowsAffected()
	if err != nil {
		return r, err
	}
	r.now = n == 1
	return r, tx.Commit()
}

// columns are those of a record, as scan reads them.
const columns = `id, paid, invoiced, risk, coalesce(decision, '')`

func (r *record) scan(scan func(...any) error) error {
	return scan(&r.id, &r.Paid, &r.Invoiced, &r.Risk, &r.decision)
}

// show prints all records.
func (db *records) show(ctx context.Context, out io.Writer) error {
	rows, err := db.QueryContext(ctx, `SELECT `+columns+` FROM payments ORDER BY id`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r record
		if err := r.scan(rows.Scan); err != nil {
			return err
		}
		fmt.Fprintf(out, "    %s  %s\n", r.id, r)
	}
	return rows.Err()
}

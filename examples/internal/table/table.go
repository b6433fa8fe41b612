// Package table keeps rows on disk for the examples: a stand-in for the database
// that a service has. All rows are in memory and the file only grows; use a
// database for anything else.
//
// An update is one line of the file, written and synced as a whole: after a crash
// all of it is there or nothing. One process owns the file.
package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// ErrBroken is the error from a failed write on: nobody knows what the file has. The
// table has to be opened anew.
var ErrBroken = errors.New("table: broken")

// Table is a set of rows, each a JSON value with a key. Its methods may be called
// from several goroutines; they take turns.
type Table struct {
	mu   sync.Mutex
	file *os.File
	rows map[string]json.RawMessage
	err  error // ErrBroken and why
}

// Open reads the table in a file, which is made if it is missing.
func Open(path string) (*Table, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	t := &Table{file: file, rows: map[string]json.RawMessage{}}
	if err := t.replay(); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), file.Close())
	}
	return t, nil
}

// replay applies the updates in the file. A last line without an end is an update
// that a crash has cut short, of which nobody was told: it is removed.
func (t *Table) replay() error {
	text, err := os.ReadFile(t.file.Name())
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	for line := range bytes.Lines(text[:whole]) {
		var changed map[string]json.RawMessage
		if err := json.Unmarshal(line, &changed); err != nil {
			return err
		}
		t.apply(changed)
	}
	return t.file.Truncate(int64(whole))
}

func (t *Table) apply(changed map[string]json.RawMessage) {
	for key, value := range changed {
		if gone(value) {
			delete(t.rows, key)
		} else {
			t.rows[key] = value
		}
	}
}

// Update stores what change puts and deletes, all of it or, after an error,
// nothing. When it returns nil that is durable. From a failed write on every call
// returns ErrBroken.
func (t *Table) Update(change func(*Tx) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return t.err
	}
	tx := &Tx{rows: t.rows, changed: map[string]json.RawMessage{}}
	if err := errors.Join(change(tx), tx.err); err != nil || len(tx.changed) == 0 {
		return err
	}
	line, err := json.Marshal(tx.changed)
	if err != nil {
		return err
	}
	if err := t.write(append(line, '\n')); err != nil {
		t.err = fmt.Errorf("%w: %w", ErrBroken, err)
		return t.err
	}
	t.apply(tx.changed)
	return nil
}

func (t *Table) write(line []byte) error {
	if _, err := t.file.Write(line); err != nil {
		return err
	}
	return t.file.Sync()
}

// View shows the table as it is. What look puts is not kept.
func (t *Table) View(look func(*Tx)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	tx := &Tx{rows: t.rows, changed: map[string]json.RawMessage{}}
	look(tx)
	return tx.err
}

// Close closes the file.
func (t *Table) Close() error { return t.file.Close() }

// Tx is what one call of Update or View sees: the rows, with its own changes.
type Tx struct {
	rows, changed map[string]json.RawMessage
	err           error // the first value that was no JSON: Update and View return it
}

// Get reads the row with a key into a value, and reports whether there is one.
func (tx *Tx) Get(key string, into any) bool {
	value, changed := tx.changed[key]
	if !changed {
		value = tx.rows[key]
	}
	if gone(value) {
		return false
	}
	tx.keep(key, json.Unmarshal(value, into))
	return true
}

// Put sets a row.
func (tx *Tx) Put(key string, value any) {
	text, err := json.Marshal(value)
	tx.keep(key, err)
	tx.changed[key] = text
}

// Delete removes a row. One that is not there changes nothing.
func (tx *Tx) Delete(key string) { tx.changed[key] = nil }

// Count adds to a row that is a number, from 0, and returns the sum.
func (tx *Tx) Count(key string, n int) int {
	var sum int
	tx.Get(key, &sum)
	tx.Put(key, sum+n)
	return sum + n
}

// Keys are the keys that begin with a prefix, sorted.
func (tx *Tx) Keys(prefix string) []string {
	var keys []string
	for key := range tx.rows {
		if _, changed := tx.changed[key]; !changed && strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	for key, value := range tx.changed {
		if !gone(value) && strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// gone reports whether a row is none: the file says null of one that was deleted.
func gone(value json.RawMessage) bool { return value == nil || string(value) == "null" }

func (tx *Tx) keep(key string, err error) {
	if err != nil && tx.err == nil {
		tx.err = fmt.Errorf("row %s: %w", key, err)
	}
}

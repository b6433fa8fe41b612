package table_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/brokerbridge/bridge/examples/internal/table"
)

func open(t *testing.T, path string) *table.Table {
	t.Helper()
	tab, err := table.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tab.Close() })
	return tab
}

func update(t *testing.T, tab *table.Table, change func(*table.Tx)) {
	t.Helper()
	if err := tab.Update(func(tx *table.Tx) error { change(tx); return nil }); err != nil {
		t.Fatal(err)
	}
}

func look(t *testing.T, tab *table.Table, see func(*table.Tx)) {
	t.Helper()
	if err := tab.View(see); err != nil {
		t.Fatal(err)
	}
}

func TestRowsOutliveTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows")
	tab := open(t, path)
	update(t, tab, func(tx *table.Tx) {
		tx.Put("a/2", "two")
		tx.Put("a/1", "one")
		tx.Count("b", 2)
	})
	update(t, tab, func(tx *table.Tx) {
		tx.Delete("a/2")
		tx.Put("a/3", "three")
		if n := tx.Count("b", 3); n != 5 {
			t.Errorf("b is %d", n)
		}
		if keys := tx.Keys("a/"); !slices.Equal(keys, []string{"a/1", "a/3"}) {
			t.Errorf("inside the update: %v", keys)
		}
	})
	look(t, open(t, path), func(tx *table.Tx) {
		var one string
		if keys := tx.Keys(""); !slices.Equal(keys, []string{"a/1", "a/3", "b"}) || !tx.Get("a/1", &one) || one != "one" {
			t.Errorf("after a restart: %v, %q", keys, one)
		}
	})
}

func TestAnUpdateIsWholeOrNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows")
	tab := open(t, path)
	update(t, tab, func(tx *table.Tx) { tx.Put("a", 1) })

	refused := errors.New("refused")
	err := tab.Update(func(tx *table.Tx) error { tx.Put("a", 2); return refused })
	if !errors.Is(err, refused) {
		t.Errorf("the error is %v", err)
	}
	if err := tab.Update(func(tx *table.Tx) error { tx.Put("a", 2); tx.Put("b", func() {}); return nil }); err == nil {
		t.Error("a function became a row")
	}
	cutShort(t, path, `{"a":3,"b"`)
	for _, tab := range []*table.Table{tab, open(t, path)} {
		look(t, tab, func(tx *table.Tx) {
			var a int
			if tx.Get("a", &a); a != 1 || len(tx.Keys("")) != 1 {
				t.Errorf("a is %d, of %v", a, tx.Keys(""))
			}
		})
	}
}

// What is written behind a line that a crash has cut short can be read again.
func TestTheTableGoesOnBehindACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows")
	cutShort(t, path, `{"a":`)
	update(t, open(t, path), func(tx *table.Tx) { tx.Put("b", 1) })
	look(t, open(t, path), func(tx *table.Tx) {
		if keys := tx.Keys(""); !slices.Equal(keys, []string{"b"}) {
			t.Errorf("it has %v", keys)
		}
	})
}

func TestAFileThatIsNoTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows")
	cutShort(t, path, "no rows\n")
	if _, err := table.Open(path); err == nil {
		t.Error("it was opened")
	}
}

// A table that could not write says so from then on.
func TestAFailedWriteIsRemembered(t *testing.T) {
	tab := open(t, filepath.Join(t.TempDir(), "rows"))
	if err := tab.Close(); err != nil {
		t.Fatal(err)
	}
	put := func(tx *table.Tx) error { tx.Put("a", 1); return nil }
	if first, second := tab.Update(put), tab.Update(put); !errors.Is(first, table.ErrBroken) || !errors.Is(second, table.ErrBroken) {
		t.Errorf("first %v, then %v", first, second)
	}
}

func cutShort(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

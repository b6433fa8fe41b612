package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// told is the story.
const told = `
Version 1 is filled
    A 1 is committed, then the handler fails
    A 1 is known already
    B 2 is given up: strconv.Atoi: parsing "12.50": invalid syntax
    B 3 is applied without 2 (dead letter)
    A 4 is applied without 3 (gap)
      version 1: A has 30.00 at revision 4
      version 1: B has 20.00 at revision 3
      skipped: A 3 (gap), B 2 (dead letter)
A 3 comes after all
    A 3 is a dead letter (late) and is redriven
    A 3 is applied after all, and its record closed
      version 1: A has 40.00 at revision 4
      version 1: B has 20.00 at revision 3
      skipped: B 2 (dead letter)
Version 2 is filled from the beginning of the log, and reads 12.50; A 5 to A 104 come meanwhile
    readers are switched; they read N times, saw version 1 change N times, and no revision went back
    the dead letter of B 2 in version 1 is discarded
      version 2: A has 41.00 at revision 104
      version 2: B has 32.50 at revision 3
      skipped: nothing
The service starts again; the log comes from its beginning
    307 movements came, 307 were dropped as copies
      version 2: A has 41.00 at revision 104
      version 2: B has 32.50 at revision 3
      skipped: nothing
`

var (
	reads   = regexp.MustCompile(`read \d+ times`)
	changes = regexp.MustCompile(`change [1-9]\d* times`)
)

// Nothing is applied twice, what was skipped is recorded and drained, and version 2
// has what version 1 lacks.
func TestStory(t *testing.T) {
	defer goleak.VerifyNone(t)
	var out strings.Builder
	if err := run(t.Context(), t.TempDir(), &out); err != nil {
		t.Error(err)
	}
	got := reads.ReplaceAllString("\n"+out.String(), "read N times")
	got = changes.ReplaceAllString(got, "change N times")
	if got != told {
		t.Errorf("the story is%s\nand should be%s", got, told)
	}
}

// Readers are not switched while an account is missing or behind.
func TestSwitch(t *testing.T) {
	db, err := openTables(t.Context(), filepath.Join(t.TempDir(), "balances.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, step := range []struct {
		version int
		movement
		switched bool
	}{
		{1, movement{"A", 1, 10}, false},
		{1, movement{"A", 2, 10}, false},
		{1, movement{"B", 1, 10}, false},
		{2, movement{"A", 1, 10}, false},
		{2, movement{"B", 1, 10}, false},
		{2, movement{"A", 2, 10}, true},
	} {
		if _, err := db.apply(t.Context(), step.version, step.movement, nil); err != nil {
			t.Fatal(err)
		}
		if switched, err := db.show(t.Context(), 2); err != nil || switched != step.switched {
			t.Errorf("after version %d has %v: %v, %v", step.version, step.movement, switched, err)
		}
	}
}

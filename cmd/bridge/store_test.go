package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// inProcess runs a command line here.
func inProcess(args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = execute(context.Background(), args, &o, &e)
	return code, o.String(), e.String()
}

// restingSite is a topology file and the store that it names, with a dead letter in it.
func restingSite(t *testing.T) (file, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "db")
	t.Setenv("DIR", dir)
	t.Setenv("PASSWORD", canary)
	s, err := pebble.Open(dir, pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), store.Identity{Route: "orders"}); err != nil {
		t.Fatal(err)
	}
	blocked := store.Record{Since: noon, State: lane.State{Base: 1, Next: 4, Highest: 4, Mode: lane.Quarantined}}
	dead := letter("d1", "4711", "max_attempts", []byte("body"))
	dead.Rev = 4
	for _, err := range s.Commit(t.Context(),
		store.Change{Key: store.Key{Route: "orders", Name: "4711"}, Record: &blocked, Dead: []store.DeadLetter{dead}, Ledger: store.Ledger{Delivered: 3}},
		store.Change{Key: store.Key{Route: "orders"}, Audit: []store.Audit{{At: noon, By: "ann", Action: "pause", Reason: "lunch"}}},
	) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return write(t, topology), dir
}

// TestStoreCommands back up, restore, check and show a store that rests.
func TestStoreCommands(t *testing.T) {
	file, dir := restingSite(t)
	backup := filepath.Join(t.TempDir(), "backup")
	for _, c := range []struct {
		args []string
		code int
		says string // in what is written
	}{
		{[]string{"store", "info", "-c", file}, done, "orders: 3 delivered, 0 parked, 1 dead letters"},
		{[]string{"store", "check", "-c", file}, done, "problems      none"},
		{[]string{"store", "backup", backup, "--offline", "-c", file}, done, backup},
		{[]string{"store", "backup", backup, "--offline", "-c", file}, invalid, "is not empty"},
		{[]string{"store", "backup", filepath.Join(dir, "x"), "--offline", "-c", file}, invalid, "own directory"},
		{[]string{"store", "check", "--dir", backup}, done, "problems      none"},
		{[]string{"store", "check", "--dir", backup + "/no"}, environment, "there is none"},
		{[]string{"store", "restore", backup, "--dir", dir + "2"}, invalid, "--reason"},
		{[]string{"store", "restore", backup, "--dir", dir, "--reason", "test"}, invalid, "is not empty"},
		{[]string{"store", "restore", dir, "--dir", dir + "2", "--reason", "test"}, invalid, "no backup"},
		{[]string{"store", "restore", backup, "--dir", dir + "2", "--reason", "test"}, done, "--adopt-once"},
		{[]string{"store", "info", "--dir", dir + "2"}, done, "from a backup of"},
		{[]string{"store", "check", "--dir", dir + "2"}, done, "problems      none"},
	} {
		if code, out, errOut := inProcess(c.args...); code != c.code || !strings.Contains(out+errOut, c.says) {
			t.Errorf("%q: %d\n%s%s", c.args, code, out, errOut)
		}
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	if err := os.Truncate(tables[0], 100); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := inProcess("store", "check", "--dir", dir, "-o", "json")
	var r pebble.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err, out)
	}
	if code != failed || len(r.Problems) == 0 || r.Problems[0].File != filepath.Base(tables[0]) || !strings.Contains(errOut, "problems") {
		t.Errorf("%d %+v %s", code, r, errOut)
	}
}

// TestOfflineLooksAndChangesNothing: what a bridge would show is shown without it.
func TestOfflineLooksAndChangesNothing(t *testing.T) {
	file, dir := restingSite(t)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"dlq ls", done, "max_attempts"},
		{"dlq show d1", done, "d1"},
		{"keys ls", done, "quarantined"},
		{"keys show 4711", done, "quarantined"},
		{"audit ls", done, "lunch"},
		{"routes ls", done, "stopped"},
		{"dlq discard d1 --reason test", invalid, "the bridge must run to change something"},
		{"dlq redrive d1 --dry-run", invalid, "the bridge must run to change something"},
		{"routes pause orders --reason test", invalid, "the bridge must run to change something"},
	} {
		args := append(strings.Fields(c.args), "--offline", "-c", file)
		if code, out, errOut := inProcess(args...); code != c.code || !strings.Contains(out+errOut, c.says) {
			t.Errorf("%s: %d\n%s%s", c.args, code, out, errOut)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := inProcess("dlq", "ls", "--offline", "-c", file); code != environment || !strings.Contains(errOut, "there is none") {
		t.Errorf("%d %s", code, errOut)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("a store was made")
	}
}

// TestARunningBridgeIsNamed (B7): two processes never have a store; who comes
// second, whatever for, is told who has it.
func TestARunningBridgeIsNamed(t *testing.T) {
	file, _ := restingSite(t)
	run := exec.Command("bridge", "run", "-c", file)
	first := &output{}
	run.Stderr = first
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	}()
	first.find(t, `(bridge starts)`)
	holder := fmt.Sprintf("process %d has it open", run.Process.Pid)
	for _, args := range []string{
		"run", "store check", "store info", "store backup " + t.TempDir() + "/b --offline", "dlq ls --offline",
	} {
		code, _, errOut := inProcess(append(strings.Fields(args), "-c", file)...)
		if code != environment || !strings.Contains(errOut, holder) {
			t.Errorf("%s: %d, want %q in %s", args, code, holder, errOut)
		}
	}
}

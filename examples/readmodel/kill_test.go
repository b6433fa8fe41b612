package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/brokerbridge/bridge/ordering/lane"
)

const (
	envDir  = "READMODEL_DIR"
	envKill = "READMODEL_KILL"

	accounts, movements = 5, 30
)

// TestMain lets TestKilled run this program as the consumer it kills.
func TestMain(m *testing.M) {
	dir := os.Getenv(envDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := child(dir, os.Getenv(envKill)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child fills version 1 and is killed after so many commits, before the checkpoint
// of the last one.
func child(dir, kill string) error {
	last, err := strconv.ParseInt(kill, 10, 64)
	if err != nil {
		return err
	}
	var commits atomic.Int64
	s := &story{log: newLog(), out: io.Discard, committed: func(string, lane.Revision) error {
		if commits.Add(1) != last {
			return nil
		}
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		if err != nil {
			return err
		}
		select {} // nothing more happens
	}}
	for _, i := range rand.Perm(accounts * movements) { // the log is there before anybody reads it: no gap takes long
		revision := i/accounts + 1
		if err := s.log.append(fmt.Sprintf("A-%d", i%accounts), revision, strconv.Itoa(revision)); err != nil {
			return err
		}
	}
	return s.session(context.Background(), dir, func(ctx context.Context) error {
		c, err := s.fill(ctx, 1, cents)
		for account := range accounts {
			if err == nil {
				err = c.reaches(ctx, fmt.Sprintf("A-%d", account), movements)
			}
		}
		return err
	})
}

// Whatever the order and wherever the consumer is killed, each movement is in the
// balance once.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	for _, kill := range []int{1, 20, 20, 20, 0} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), envDir+"="+dir, envKill+"="+strconv.Itoa(kill))
		out, err := cmd.CombinedOutput()
		if killed := err != nil && cmd.ProcessState.ExitCode() == -1; killed != (kill > 0) || !killed && err != nil {
			t.Fatalf("killed after %d commits: %v\n%s", kill, err, out)
		}
	}
	db, err := openTables(t.Context(), filepath.Join(dir, "balances.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	all, err := db.balances(t.Context())
	if err != nil || len(all) != accounts {
		t.Fatalf("%d accounts, %v", len(all), err)
	}
	for _, b := range all {
		if want := movements * (movements + 1) / 2; b.revision != movements || b.cents != want {
			t.Errorf("%s has %d at revision %d, not %d at revision %d", b.account, b.cents, b.revision, want, movements)
		}
	}
}

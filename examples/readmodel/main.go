// Command readmodel keeps the balances of accounts in SQLite, from a log of
// movements: a read model that takes nothing twice, knows what it was built
// without, and is built anew from the log while it is in use.
//
//	go run ./examples/readmodel
//
// Look at these:
//
//   - A 1: each balance has its revision beside it, changed in the same
//     transaction. So when the handler fails after its commit, the movement comes
//     again and is known: effectively once.
//   - A 3 and B 2: the one does not come in time, the other cannot be read. Their
//     accounts go on (OnGap: Skip, OnFailure: Continue). The transaction that goes
//     on without a revision also records it as skipped. When A 3 comes after all it
//     is a dead letter, "late"; redriven it is applied, and its record closed.
//   - Version 2 is filled by code that can read B 2, under a route of its own, from
//     the beginning of the log. Meanwhile version 1 is updated and read. Readers are
//     switched as soon as no account is behind what they see.
//   - The restart: the log comes from its beginning, and all of it is dropped.
//
// All of it needs no broker and shows nothing of one: Watermill's gochannel is the
// log, which lives as long as the process. The lanes are in Pebble.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "readmodel")
	if err == nil {
		err = errors.Join(run(ctx, dir, os.Stdout), os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "readmodel:", err)
		os.Exit(1)
	}
}

// run tells the story, with its files in dir.
func run(ctx context.Context, dir string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	log := newLog()
	s := &story{log: log, out: out}
	if err := s.session(ctx, dir, s.live, s.late, s.rebuild); err != nil {
		return err
	}
	s.tell("The service starts again; the log comes from its beginning")
	return errors.Join(s.session(ctx, dir, s.restart), log.pubsub.Close())
}

// story is what happens, and to what.
type story struct {
	log    *log
	lanes  *pebble.Store
	tables *tables
	old    *consumer   // of version 1
	all    []*consumer // that were started
	out    io.Writer

	committed func(account string, r lane.Revision) error // see consumer
}

// session opens the files, lets parts of the story happen, and closes them.
func (s *story) session(ctx context.Context, dir string, parts ...func(context.Context) error) (err error) {
	if s.lanes, err = pebble.Open(filepath.Join(dir, "lanes"), pebble.Options{}); err != nil {
		return err
	}
	if s.tables, err = openTables(ctx, filepath.Join(dir, "balances.db")); err != nil {
		return errors.Join(err, s.lanes.Close())
	}
	for _, part := range parts {
		if err = part(ctx); err != nil {
			break
		}
	}
	for _, c := range s.all {
		err = errors.Join(err, c.close())
	}
	return errors.Join(err, s.lanes.Close(), s.tables.Close())
}

// live fills version 1, which has to go on without two movements.
func (s *story) live(ctx context.Context) error {
	s.tell("Version 1 is filled")
	s.committed = s.failOnce()
	old, err := s.fill(ctx, 1, strconv.Atoi)
	if err != nil {
		return err
	}
	s.old = old
	for _, m := range []struct {
		account  string
		revision int
		amount   string
	}{{"A", 2, "1000"}, {"A", 1, "1000"}, {"B", 1, "1000"}, {"B", 2, "12.50"}, {"B", 3, "1000"}, {"A", 4, "1000"}} {
		if err := s.log.append(m.account, m.revision, m.amount); err != nil {
			return err
		}
	}
	if err := s.old.reaches(ctx, "A", 4); err != nil { // it is parked until 3 is skipped
		return err
	}
	return s.show(ctx)
}

// failOnce fails the first time, when it is too late to undo anything.
func (s *story) failOnce() func(string, lane.Revision) error {
	var once sync.Once
	return func(account string, r lane.Revision) (err error) {
		once.Do(func() {
			s.say("%s %d is committed, then the handler fails", account, r)
			err = errors.New("as if the process had been killed before the checkpoint")
		})
		return err
	}
}

// late drains what was skipped, because it comes after all.
func (s *story) late(ctx context.Context) error {
	s.tell("A 3 comes after all")
	if err := s.log.append("A", 3, "1000"); err != nil {
		return err
	}
	d, err := s.old.deadLetter(ctx, "A")
	if err != nil {
		return err
	}
	s.say("A 3 is a dead letter (%s) and is redriven", d.Reason)
	_, err = s.old.Redrive(ctx, d.ID, ordering.Operation{By: "example", Reason: "sums do not mind the order", OutOfOrder: true})
	if err != nil {
		return err
	}
	if err := s.old.redriven(ctx, d.ID); err != nil {
		return err
	}
	return s.show(ctx)
}

// rebuild fills version 2 while version 1 is in use, and then lets readers see it.
func (s *story) rebuild(ctx context.Context) error {
	for i := range 200 {
		if err := s.log.append(fmt.Sprintf("C-%d", i%10), i/10+1, "1"); err != nil {
			return err
		}
	}
	s.tell("Version 2 is filled from the beginning of the log, and reads 12.50; A 5 to A 104 come meanwhile")
	reader := read(ctx, s.tables)
	if _, err := s.fill(ctx, 2, cents); err != nil {
		return err
	}
	for revision := 5; revision <= 104; revision++ {
		if err := s.log.append("A", revision, "1"); err != nil {
			return err
		}
	}
	err := await(ctx, func() (bool, error) { return s.tables.show(ctx, 2) })
	if err = errors.Join(err, reader.stop()); err != nil {
		return err
	}
	s.say("readers are switched; they read %d times, saw version 1 change %d times, and no revision went back", reader.reads, reader.changes)
	return errors.Join(s.retire(ctx), s.show(ctx))
}

// retire ends the consumer of version 1 and what is left of it.
func (s *story) retire(ctx context.Context) error {
	d, err := s.old.deadLetter(ctx, "B")
	if err != nil {
		return err
	}
	_, err = s.old.Discard(ctx, d.ID, ordering.Operation{By: "example", Reason: "version 2 could read it"})
	if err != nil {
		return err
	}
	s.say("the dead letter of B 2 in version 1 is discarded")
	return s.old.close()
}

// restart reads the log once more.
func (s *story) restart(ctx context.Context) error {
	version, err := s.fill(ctx, 2, cents)
	if err != nil {
		return err
	}
	err = await(ctx, func() (bool, error) {
		stats, err := version.Stats(ctx)
		all := err == nil && stats.Taken == s.log.length.Load() && stats.InMemory == 0
		if all {
			s.say("%d movements came, %d were dropped as copies", stats.Taken, stats.Ledger.Duplicates-stats.Base.Duplicates)
		}
		return all, err
	})
	return errors.Join(err, s.show(ctx))
}

// fill starts a consumer for a version, which reads amounts with cents.
func (s *story) fill(ctx context.Context, version int, cents func(string) (int, error)) (*consumer, error) {
	c := &consumer{version: version, lanes: s.lanes, tables: s.tables, cents: cents, say: s.say, committed: s.committed}
	if err := c.start(ctx, s.log); err != nil {
		return nil, err
	}
	s.all = append(s.all, c)
	return c, nil
}

// cents reads "1250", and "12.50".
func cents(amount string) (int, error) {
	whole, part, found := strings.Cut(amount, ".")
	if found && len(part) != 2 {
		return 0, fmt.Errorf("%q is not an amount", amount)
	}
	return strconv.Atoi(whole + part)
}

// show prints what readers see of A and B.
func (s *story) show(ctx context.Context) error {
	all, err := s.tables.balances(ctx)
	if err != nil {
		return err
	}
	for _, b := range all {
		if b.account == "A" || b.account == "B" {
			s.say("  version %d: %s has %d.%02d at revision %d", b.version, b.account, b.cents/100, b.cents%100, b.revision)
		}
	}
	open, err := s.tables.open(ctx)
	if err != nil {
		return err
	}
	s.say("  skipped: %s", open)
	return nil
}

func (s *story) tell(headline string) { fmt.Fprintln(s.out, headline) }

func (s *story) say(format string, args ...any) { fmt.Fprintf(s.out, "    "+format+"\n", args...) }

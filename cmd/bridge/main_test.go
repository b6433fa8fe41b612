package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/brokerbridge/bridge/bridge/admin"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"bridge":   main,
		"stubborn": stubborn,
	})
}

// stubborn is a program that does not stop when told to.
func stubborn() {
	ctx := untilSignal()
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println("told")
	time.Sleep(time.Minute)
}

// The transcripts talk to a bridge at $ADMIN whose store is filled below, or to one
// at $LOCKED that wants a token, $CANARY-viewer or $CANARY-operator; nobody listens
// at $NOBODY.
func TestScripts(t *testing.T) {
	addr := startAdmin(t, nil)
	locked := startAdmin(t, []admin.Token{
		{Name: "prometheus", Role: admin.RoleViewer, Sum: sha256.Sum256([]byte(canary + "-viewer"))},
		{Name: "night-shift", Role: admin.RoleOperator, Sum: sha256.Sum256([]byte(canary + "-operator"))},
	})
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("ADMIN", "http://"+addr)
			env.Setenv("ADDRESS", addr)
			env.Setenv("LOCKED", "http://"+locked)
			env.Setenv("CANARY", canary)
			env.Setenv("OPERATOR", filepath.Join(env.WorkDir, "operator"))
			env.Setenv("NOBODY", "http://127.0.0.1:1")
			env.Setenv("ESC", "\x1b[2J")
			env.Setenv("WILD", wild)
			env.Setenv("LONG", strings.Repeat("x", 1001))
			env.Setenv("GORACE", "atexit_sleep_ms=10") // else each command takes a second longer
			return os.WriteFile(env.Getenv("OPERATOR"), []byte(canary+"-operator\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command that must end with the given code: exits CODE COMMAND …
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ...")
	}
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](ts.Exec(args[1], args[2:]...)); ok {
		code = exit.ExitCode()
	}
	if args[0] != strconv.Itoa(code) {
		ts.Fatalf("it ended with %d, want %s", code, args[0])
	}
}

func startAdmin(t *testing.T, tokens []admin.Token) string {
	t.Helper()
	srv, err := admin.New(admin.Config{
		Teller: told{},
		Listen: "127.0.0.1:0", Store: filledStore(t), Operator: played{}, Tokens: tokens,
		Routes: func(context.Context) []status.Route { return fakeRoutes() },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return srv.Addr()
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func fakeRoutes() []status.Route {
	return []status.Route{
		{
			Name: "orders", State: status.Waiting, Reason: "target: \x1b[2Jaway", Since: noon, Breaker: "open",
			Sources: []status.End{{Broker: "shop", Name: "amqp queue orders", Up: true, Lag: 12}},
			Target:  status.End{Broker: "lake", Name: "kafka topic orders", Lag: -1},
			Counts:  status.Counts{Delivered: 7, Parked: 2, Dead: 2, Keys: map[string]int64{"quarantined": 1}},
		},
		{
			Name: "carts", State: status.Running, Since: noon, Breaker: "closed",
			Sources: []status.End{{Broker: "shop", Name: "amqp queue carts", Up: true, Lag: -1}},
			Target:  status.End{Broker: "lake", Name: "kafka topic carts", Up: true, Lag: -1},
		},
	}
}

// The key tries to clear the screen, to hide what follows and to end its line.
const wild = "4711\x1b[2J\u202e\u009b\n"

func filledStore(t *testing.T) store.Store {
	t.Helper()
	s := memory.New()
	for _, r := range []string{"orders", "carts"} {
		if _, err := s.Open(t.Context(), store.Identity{Route: r}); err != nil {
			t.Fatal(err)
		}
	}
	blocked := store.Record{Since: noon, State: lane.State{Base: 1, Next: 4, Highest: 6, Lowest: 5, Parked: 2, Skips: 2, Mode: lane.Quarantined}}
	gap := store.Record{Since: noon, State: lane.State{Base: 1, Next: 8, Highest: 9, Lowest: 9, Parked: 1, Mode: lane.GapBlocked}}
	flowing := store.Record{Since: noon, State: lane.State{Base: 1, Next: 2, Highest: 1}}
	for _, err := range s.Commit(t.Context(),
		store.Change{
			Key: store.Key{Route: "orders", Name: wild}, Record: &blocked,
			Park: []store.Message{{Rev: 5}, {Rev: 6}},
			Skip: []store.Skip{{From: 2, To: 2, At: noon, By: "gap"}, {From: 3, To: 3, At: noon, By: "ann", Reason: "lost\x1b]0;x\x07"}},
			Dead: []store.DeadLetter{letter("d1", wild, "max_attempts", []byte("{\"name\":\"\x1b[31mred\",\n\t\"n\":1}"))},
		},
		store.Change{Key: store.Key{Route: "orders", Name: "flows"}, Record: &flowing},
		store.Change{Key: store.Key{Route: "orders"}, Dead: []store.DeadLetter{letter("d2", "", "key_missing", []byte{0xff, 0x1b, 0})}},
		store.Change{Key: store.Key{Route: "carts", Name: "c1"}, Record: &gap, Park: []store.Message{{Rev: 9, ParkedAt: noon}}},
		store.Change{Key: store.Key{Route: "orders"}, Audit: []store.Audit{
			{At: noon, By: "ann", Action: "redrive", Key: wild, Target: "d0", Reason: "the schema is fixed"},
			{At: noon, By: "bob\x1b[1m", Action: "pause", Reason: "\x1b]0;x\x07 lunch\nsecond line"},
		}},
		store.Change{Key: store.Key{Route: "carts"}, Audit: []store.Audit{
			{At: noon, By: "ann as root", Action: "skip", Key: "c0", Target: "4-9", Reason: "lost"},
		}},
		store.Change{Key: store.Key{Route: "orders", Name: "both"}, Record: &flowing},
		store.Change{Key: store.Key{Route: "carts", Name: "both"}, Record: &flowing},
	) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func letter(id, key, reason string, body []byte) store.DeadLetter {
	d := store.DeadLetter{Route: "orders", ID: id, Key: key, Lane: key != "", Reason: reason, Target: "orders", At: noon}
	d.Message = store.Message{
		ID: "m-" + id, Payload: body,
		Metadata: map[string]string{"type": "created", "x\x1b[1m": strings.Repeat("é\u202e", 2)},
		Tries:    store.Tries{Attempts: 10, Class: "transient", Error: "refused: \x1b[31mno\nsecond line", FirstFailed: noon, LastFailed: noon.Add(time.Minute)},
	}
	if d.Lane {
		d.Rev = 4
		d.Log = triedTwice(d.Error)
	}
	return d
}

// triedTwice is many tries, and a redrive behind them.
func triedTwice(error string) (l *store.TryLog) {
	for i := range 39 {
		l = l.Add(store.Try{At: noon.Add(time.Duration(i) * time.Second), Took: 1234567, Class: "transient", Error: "refused: \x1b[31mno"})
	}
	return l.Redriven().Add(store.Try{
		At: noon.Add(time.Minute), Took: 1500 * time.Millisecond, Class: "transient", Error: error,
		Trace: store.Trace{ID: [16]byte{15: 1}, Span: [8]byte{7: 2}},
	})
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/policies"
)

const operated = `
brokers:
  in: { memory: {} }
  out: { memory: {} }
store: { memory: {} }
defaults:
  retry: { attempts: 2, initial: 10ms, max: 20ms }
  order: { by: revision, key: header.key, revision: header.revision, first: 1, gap: { hold: 10ms, timeout: 100ms } }
routes:
  - name: strict
    from: { broker: in, queue: strict }
    to: { broker: out, topic: strict }
  - name: lax
    from: { broker: in, queue: lax }
    to: { broker: out, topic: lax }
    dead_letter: { then: continue }
  - name: halting
    from: { broker: in, queue: halting }
    to: { broker: out, topic: halting }
    dead_letter: { then: stop }
`

// site is a bridge that runs, and somebody who types commands about it.
type site struct {
	t       *testing.T
	bridge  *bridge.Bridge
	in, out *memory.Broker
	address string
	broken  atomic.Bool // the target refuses messages that say so
}

func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteOf(t, operated)
}

func newSiteOf(t *testing.T, topology string) *site {
	t.Helper()
	return newLoggedSite(t, topology, slog.New(slog.DiscardHandler))
}

func newLoggedSite(t *testing.T, topology string, log *slog.Logger) *site {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t, goleak.IgnoreCurrent()) })
	f, err := config.Parse("operated.yaml", []byte(topology), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, in: memory.New("in", log), out: memory.New("out", log)}
	for _, r := range f.Routes {
		s.in.Create(r.Name)
		s.out.Create(r.Name)
		s.out.Fail(r.Name, s.refuse)
	}
	s.broken.Store(true)
	s.bridge, err = bridge.New(f, bridge.Options{Logger: log, Brokers: map[string]broker.Broker{"in": s.in, "out": s.out}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		who := f.Admin
		who.Listen = "127.0.0.1:0"
		ended <- serve(ctx, s.bridge, who, log, func(a string) { address <- a })
	}()
	s.address = <-address
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, s.bridge.Close(), s.in.Close(), s.out.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) refuse(m *message.Message) error {
	if s.broken.Load() && string(m.Payload) == "bad" {
		return policies.Because(policies.Permanent, "too_large", errors.New("it is bad"))
	}
	return nil
}

// put sends revisions of a key; those that are bad come negative.
func (s *site) put(queue, key string, revs ...int) {
	for _, r := range revs {
		body := "good"
		if r < 0 {
			r, body = -r, "bad"
		}
		m := message.NewMessage(fmt.Sprintf("%s-%d", key, r), []byte(body))
		m.Metadata["key"], m.Metadata["revision"] = key, strconv.Itoa(r)
		s.in.Put(queue, m)
	}
}

// came are the revisions of a key that the target has, in its order.
func (s *site) came(topic, key string) string {
	var got []string
	for _, m := range s.out.Messages(topic) {
		if m.Metadata["key"] == key {
			got = append(got, m.Metadata["revision"])
		}
	}
	return strings.Join(got, " ")
}

// types runs a command, which must end with a code, and returns what it prints.
func (s *site) types(code int, args ...string) string {
	s.t.Helper()
	var out, errOut output
	if got := execute(s.t.Context(), s.asked(args), &out, &errOut); got != code {
		s.t.Fatalf("bridge %s ended with %d, want %d\n%s%s", strings.Join(args, " "), got, code, &out, &errOut)
	}
	return out.String() + errOut.String()
}

// asked puts the address of the bridge before a key that looks like a flag.
func (s *site) asked(args []string) []string {
	where := []string{"--admin", s.address}
	if i := slices.Index(args, "--"); i >= 0 {
		return slices.Concat(args[:i], where, args[i:])
	}
	return slices.Concat(args, where)
}

func (s *site) await(what string, cond func() bool) {
	s.t.Helper()
	if !s.comes(cond) {
		s.t.Fatalf("waited in vain for: %s\n%s%s", what, s.types(done, "keys", "ls"), s.types(done, "dlq", "ls"))
	}
}

// comes waits for a condition, and reports whether it came.
func (s *site) comes(cond func() bool) bool {
	for deadline := time.Now().Add(30 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// explained is what explain says of a key in its first epoch.
func (s *site) explained(route, key string) api.Wait {
	s.t.Helper()
	var e api.Explanation
	if err := json.Unmarshal([]byte(s.types(done, "explain", key, "--route", route, "-o", "json")), &e); err != nil {
		s.t.Fatal(err)
	}
	return e.Epochs[0]
}

func (s *site) awaitState(route, key, state string, parked int) {
	s.t.Helper()
	s.await(fmt.Sprintf("%s %s with %d parked", key, state, parked), func() bool {
		for l := range strings.Lines(s.types(done, "keys", "ls", "--all", "--route", route)) {
			if f := strings.Fields(l); len(f) > 5 && f[1] == key && f[3] == state && f[5] == strconv.Itoa(parked) {
				return true
			}
		}
		return false
	})
}

// balanced waits until each message is accounted for, and counts.
func (s *site) balanced(route string, want status.Counts) {
	s.t.Helper()
	var c status.Counts
	s.await("the books", func() bool {
		for _, r := range s.bridge.Status(s.t.Context()) {
			if r.Name == route {
				c = r.Counts
			}
		}
		return c.Unaccounted == 0 && c.InMemory == 0 && c.Delivered == want.Delivered && c.Dead == want.Dead &&
			c.Redriven == want.Redriven && c.Discarded == want.Discarded && c.Skipped == want.Skipped && c.Parked == want.Parked
	})
}

// typed takes the command that explain suggests, gives it a reason and runs it.
func (s *site) typed(w api.Wait, verb string) string {
	s.t.Helper()
	for _, way := range w.Ways {
		if words := strings.Fields(way.Command); len(words) > 2 && words[2] == verb {
			return s.types(done, strings.Fields(strings.Replace(strings.TrimPrefix(way.Command, "bridge "), "'…'", "tested", 1))...)
		}
	}
	s.t.Fatalf("explain knows no way to %s: %+v", verb, w.Ways)
	return ""
}

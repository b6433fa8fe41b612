package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
)

// topical is the topology with route one reading a topic.
func topical(t *testing.T) string {
	t.Helper()
	return replace(t, topology, "from: { broker: in, queue: one }", "from: { broker: in, topic: one }")
}

// spy is a broker that remembers what its sources were given, each of which
// asks for its positions at once.
type spy struct {
	*memory.Broker
	mu   sync.Mutex
	fail bool // the next source cannot be prepared
	seen []broker.SourceOptions
}

func (s *spy) Source(from config.From, opts broker.SourceOptions) (broker.Source, error) {
	if _, err := opts.Positions.Load(context.Background()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, opts)
	if s.fail {
		s.fail = false
		return nil, errors.New("no source yet")
	}
	return s.Broker.Source(from, opts)
}

// of are the options of a route's sources, one for each of its runs.
func (s *spy) of(route string) (all []broker.SourceOptions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.seen {
		if o.Route == route {
			all = append(all, o)
		}
	}
	return all
}

func spyOn(t *testing.T, s store.Store, accept bool) (*rig, *spy) {
	t.Helper()
	r := brokers()
	in := &spy{Broker: r.in}
	r.run(t, topical(t), bridge.Options{
		Store: s, AcceptOffset: accept, Brokers: map[string]broker.Broker{"in": in, "out": r.out},
	})
	await(t, "the start", func() bool { return r.route(t, "one").Ready() && r.route(t, "two").Ready() })
	if runs := len(in.of("one")) + len(in.of("two")); runs != 2 {
		t.Fatalf("%d runs of two routes", runs)
	}
	return r, in
}

// TestPositionsOutliveTheProcess (rule 20): a source finds what it saved, in
// the store of its route, from its first start on.
func TestPositionsOutliveTheProcess(t *testing.T) {
	s := memorystore.New()
	want := []broker.Position{
		{Topic: "t", TopicID: [16]byte{1}, Partition: 0, Next: 9, Committed: 8},
		{Topic: "t", TopicID: [16]byte{1}, Partition: 1, Next: 5, Committed: -1},
	}
	for run := range 2 {
		r, in := spyOn(t, s, false)
		one, two := in.of("one")[0], in.of("two")[0]
		found, err := one.Positions.Load(t.Context())
		if err != nil || !slices.Equal(found, want[:2*run]) {
			t.Errorf("run %d finds %+v %v", run, found, err)
		}
		if err := one.Positions.Save(t.Context(), want...); err != nil {
			t.Error(err)
		}
		if others, err := two.Positions.Load(t.Context()); err != nil || len(others) != 0 {
			t.Errorf("the other route has %+v %v", others, err)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// audits are what was done, and by whom.
func audits(t *testing.T, s store.Store) (did []string) {
	t.Helper()
	for a, err := range s.Audits(t.Context(), store.AuditQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		did = append(did, fmt.Sprintf("%s %s by %s: %s", a.Route, a.Action, a.By, a.Reason))
	}
	return did
}

// TestI12_AcceptOffset: run --accept-offset is for the first run of each route,
// and recorded for those that read Kafka.
func TestI12_AcceptOffset(t *testing.T) {
	s := memorystore.New()
	r, in := spyOn(t, s, true)
	if got := in.of("one"); len(got) != 1 || !got[0].AcceptOffset {
		t.Fatalf("the first run of one: %+v", got)
	}
	if got := in.of("two"); len(got) != 1 || got[0].AcceptOffset {
		t.Fatalf("two, which has no offsets: %+v", got)
	}
	if did := audits(t, s); !slices.Equal(did, []string{"one accept_offset by run: run --accept-offset"}) {
		t.Fatalf("audit rows %q", did)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	_, in = spyOn(t, s, false)
	if got := in.of("one"); got[0].AcceptOffset {
		t.Error("accepted without being told to")
	}
	if did := audits(t, s); len(did) != 1 {
		t.Errorf("audit rows %q", did)
	}
}

// TestI12_AcceptOffsetOutlastsAFailedStart: what was accepted and recorded
// counts for the first run that has sources, and only for that.
func TestI12_AcceptOffsetOutlastsAFailedStart(t *testing.T) {
	s := memorystore.New()
	r := brokers()
	in := &spy{Broker: r.in, fail: true}
	r.run(t, replace(t, oneRoute, "from: { broker: in, queue: one }", "from: { broker: in, topic: one }"), bridge.Options{
		Store: s, AcceptOffset: true, Brokers: map[string]broker.Broker{"in": in, "out": r.out},
	})
	await(t, "the second run", func() bool { return r.route(t, "one").Ready() })
	in.of("one")[1].State(broker.ErrRewound)
	if _, err := r.Resume(t.Context(), "one", api.Change{By: "ann", Reason: "once more", AcceptOffset: true}); err != nil {
		t.Fatal(err)
	}
	await(t, "the third", func() bool { return len(in.of("one")) == 3 && r.route(t, "one").Ready() })
	for run, o := range in.of("one") {
		if !o.AcceptOffset {
			t.Errorf("run %d was not told", run)
		}
	}
	if did := audits(t, s); len(did) != 2 {
		t.Errorf("audit rows %q", did)
	}
}

// TestOffsetsAskForSomebody: a source whose offsets do not fit pauses its route
// with the reason, until an operator accepts them; the other route runs on.
func TestOffsetsAskForSomebody(t *testing.T) {
	for _, fault := range []error{broker.ErrRewound, broker.ErrTruncated, broker.ErrRecreated} {
		t.Run(fault.Error(), func(t *testing.T) {
			s := memorystore.New()
			r, in := spyOn(t, s, false)
			in.of("one")[0].State(fmt.Errorf("%w: partition 3 was set back", fault))
			got := r.route(t, "one")
			if got.State != status.Paused || got.Ready() || !strings.HasPrefix(got.Reason, "source: "+fault.Error()+": partition 3") {
				t.Errorf("%+v", got)
			}
			if !r.route(t, "two").Ready() {
				t.Error("the other route noticed")
			}
			var why *api.Error
			if _, err := r.Resume(t.Context(), "one", api.Change{By: "ann", Reason: "go"}); !errors.As(err, &why) || why.Code != api.OffsetNotAccepted {
				t.Errorf("resumed without accepting: %v", err)
			}
			if _, err := r.Resume(t.Context(), "one", api.Change{By: "ann", Reason: "reset on purpose", AcceptOffset: true}); err != nil {
				t.Fatal(err)
			}
			await(t, "the next run", func() bool { return len(in.of("one")) == 2 && r.route(t, "one").Ready() })
			if !in.of("one")[1].AcceptOffset {
				t.Error("the next run was not told")
			}
			if did := audits(t, s); !slices.Equal(did, []string{"one accept_offset by ann: reset on purpose"}) {
				t.Errorf("audit rows %q", did)
			}
		})
	}
}

// TestElsewhereWaits: somebody else's consumer may go, and then the route goes
// on by itself.
func TestElsewhereWaits(t *testing.T) {
	r, in := spyOn(t, memorystore.New(), false)
	tell := in.of("one")[0].State
	tell(fmt.Errorf("%w: another member has partition 0", broker.ErrElsewhere))
	if s := r.route(t, "one"); s.State != status.Waiting || !strings.HasPrefix(s.Reason, "source: state_elsewhere: ") || s.Ready() {
		t.Errorf("%+v", s)
	}
	tell(nil)
	if s := r.route(t, "one"); !s.Ready() {
		t.Errorf("%+v", s)
	}
}

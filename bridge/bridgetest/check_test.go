package bridgetest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/bridgetest"
)

// failing is a test that remembers why it failed.
type failing struct {
	testing.TB
	text string
}

func (f *failing) Helper()           {}
func (f *failing) Error(args ...any) { f.text += fmt.Sprint(args...) }

// delivered is a Target of four revisions that got some, and the Source.
func delivered(t *testing.T, rules bridgetest.Rules, revisions ...int) (*bridgetest.Source, *bridgetest.Target) {
	t.Helper()
	stream := bridgetest.Stream(1, 9)
	s := bridgetest.NewSource(bridgetest.Options{Messages: stream[:4], Seed: 42})
	target := bridgetest.NewTarget(s, rules)
	for _, r := range revisions {
		if err := target.Publish("orders", stream[r-1]); err != nil {
			t.Fatal(err)
		}
	}
	return s, target
}

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		revisions  []int
		duplicates int
		faults     []string
	}{
		"in order":    {revisions: []int{1, 2, 3, 4}},
		"a swap":      {revisions: []int{1, 3, 2, 4}, faults: []string{"revision 3: came when 2 was next (before: 1; after: 2 4)"}},
		"not from 1":  {revisions: []int{2, 1, 3, 4}, faults: []string{"revision 2: came when 1 was next (before: nothing; after: 1 3 4)"}},
		"the last":    {revisions: []int{1, 2, 3}, faults: []string{"revision 4: is missing; it was not acknowledged, so the source has it (before: 1 2 3; after: nothing)"}},
		"never sent":  {revisions: []int{1, 2, 3, 4, 7}, faults: []string{"revision 7: was never sent (before: 2 3 4; after: nothing)"}},
		"twice":       {revisions: []int{1, 2, 2, 3, 4}, faults: []string{"revision 2: is repetition 1 of its key, 0 may be (before: 1 2; after: 3 4)"}},
		"may be":      {revisions: []int{1, 2, 1, 2, 3, 4}, duplicates: 2},
		"may be less": {revisions: []int{1, 2, 1, 2, 3, 4}, duplicates: 1, faults: []string{"revision 2: is repetition 2 of its key, 1 may be (before: 1 2 1; after: 3 4)"}},
		"a hole": {revisions: []int{1, 3, 4}, faults: []string{
			"revision 3: came when 2 was next (before: 1; after: 4)",
			"revision 2: is missing; it was not acknowledged, so the source has it (before: 1; after: 3 4)",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, target := delivered(t, bridgetest.Rules{Duplicates: test.duplicates}, test.revisions...)
			var want strings.Builder
			if n := len(test.faults); n > 0 {
				fmt.Fprintf(&want, "bridgetest: seed 42, faults: %d", n)
			}
			for _, f := range test.faults {
				want.WriteString("\n\tkey \"key-1\", " + f)
			}
			tb := &failing{TB: t}
			if target.Check(tb); tb.text != want.String() {
				t.Errorf("got\n%s\nwant\n%s", tb.text, want.String())
			}
		})
	}
}

// What was acknowledged and is nowhere is lost.
func TestCheck_AcknowledgedAndLost(t *testing.T) {
	s, target := delivered(t, bridgetest.Rules{}, 1, 2, 4)
	msgs := subscribed(t, s)
	for range 4 {
		next(t, msgs).Ack()
	}
	if err := s.AwaitAcks(soon(t)); err != nil {
		t.Fatal(err)
	}
	err := target.Verify(t.Context())
	if want := "revision 3: is missing though it was acknowledged (before: 1 2; after: 4)"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	target.Excuse("key-1", 3)
	if err := target.Verify(t.Context()); err != nil {
		t.Errorf("it was excused: %v", err)
	}
}

// What is dropped is not missing, but it leaves a hole that nobody may pass.
func TestCheck_Dropped(t *testing.T) {
	s := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(1, 3), Drop: bridgetest.At("key-1", 2)})
	target := bridgetest.NewTarget(s, bridgetest.Rules{})
	stream := bridgetest.Stream(1, 3)
	must(target.Publish("orders", stream[0], stream[2]))
	if err := target.Verify(t.Context()); err == nil || !strings.Contains(err.Error(), "faults: 1\n") || !strings.Contains(err.Error(), "3: came when 2 was next") {
		t.Errorf("got %v", err)
	}
}

func TestCheck_Unreadable(t *testing.T) {
	_, target := delivered(t, bridgetest.Rules{}, 1, 2, 3, 4)
	must(target.Publish("orders", message.NewMessage("odd", nil)))
	if err := target.Verify(t.Context()); err == nil || !strings.Contains(err.Error(), `message "odd"`) {
		t.Errorf("got %v", err)
	}
}

// A long list of faults is cut.
func TestCheck_Many(t *testing.T) {
	target := bridgetest.NewTarget(bridgetest.NewSource(bridgetest.Options{}), bridgetest.Rules{})
	if err := target.Verify(t.Context()); err == nil || !strings.Contains(err.Error(), "faults: 1000\n") || !strings.HasSuffix(err.Error(), "and 990 more") {
		t.Errorf("got %v", err)
	}
}

func TestAwaitNamesWhatIsMissing(t *testing.T) {
	_, target := delivered(t, bridgetest.Rules{}, 1, 2, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := target.Await(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "revision 4: is missing") || !strings.Contains(err.Error(), "seed 42") {
		t.Errorf("got %v", err)
	}
}

// What a handler or a publisher behind the Target refuses was not delivered.
func TestRefusedIsNotDelivered(t *testing.T) {
	refused := errors.New("no")
	m := bridgetest.Stream(1, 1)[0]
	_, target := delivered(t, bridgetest.Rules{Publisher: publisher{refused}})
	if err := target.Publish("orders", m); !errors.Is(err, refused) {
		t.Errorf("Publish: %v", err)
	}
	if err := target.Handler(func(*message.Message) error { return refused })(m); !errors.Is(err, refused) {
		t.Errorf("the handler: %v", err)
	}
	if err := target.Close(); !errors.Is(err, refused) {
		t.Errorf("Close: %v", err)
	}
	if got := target.Revisions("key-1"); len(got) != 0 {
		t.Errorf("delivered: %v", got)
	}
	if err := target.Handler(nil)(m); err != nil || len(target.Revisions("key-1")) != 1 {
		t.Errorf("%v, %v", target.Revisions("key-1"), err)
	}
}

type publisher struct{ err error }

func (p publisher) Publish(string, ...*message.Message) error { return p.err }
func (p publisher) Close() error                              { return p.err }

package bridge

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// handing is a source that hands out what it is given.
type handing struct {
	broker.Source
	out chan *message.Message
}

func (h handing) Subscribe(context.Context, string) (<-chan *message.Message, error) {
	return h.out, nil
}

// TestR2_ArrivalsDoNotOvertake: whatever the order in which the router's goroutines
// run, carriers pass as they were handed out.
func TestR2_ArrivalsDoNotOvertake(t *testing.T) {
	const carriers = 300
	source := handing{out: make(chan *message.Message)}
	door := newTurnstile(source, true)
	in, err := door.Subscribe(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	all := make([]*message.Message, carriers)
	go func() {
		defer close(source.out)
		for i := range all {
			all[i] = &message.Message{}
			source.out <- all[i]
		}
	}()
	var passed []*message.Message
	var wait sync.WaitGroup
	for m := range in {
		wait.Go(func() {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
			defer door.pass(m)()
			passed = append(passed, m) // one at a time
		})
	}
	wait.Wait()
	for i := range all {
		if passed[i] != all[i] {
			t.Fatalf("carrier %d was overtaken", i)
		}
	}
	if len(door.numbers) != 0 {
		t.Errorf("%d carriers are remembered", len(door.numbers))
	}
}

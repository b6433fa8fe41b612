package main

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
)

// bus is a broker inside the process, on a bad day: each message comes twice, and
// each time after a while of its own, so that they overtake each other. It forgets
// everything when the process ends; with a broker that does not, a service of
// examples/internal/service outlives its crashes, as examples/saga shows.
type bus struct {
	*gochannel.GoChannel
	sending sync.WaitGroup
}

func newBus() *bus {
	return &bus{GoChannel: gochannel.NewGoChannel(gochannel.Config{}, watermill.NopLogger{})}
}

// Publish implements message.Publisher.
func (b *bus) Publish(topic string, msgs ...*message.Message) error {
	for _, m := range append(msgs, msgs...) {
		b.sending.Go(func() {
			time.Sleep(rand.N(40 * time.Millisecond))
			_ = b.GoChannel.Publish(topic, m) // an error says that the story is over
		})
	}
	return nil
}

// Close waits for what is on its way.
func (b *bus) Close() error {
	b.sending.Wait()
	return b.GoChannel.Close()
}

// subscriber is the bus for one service, which closes its subscriber at its end:
// the others go on.
func (b *bus) subscriber() message.Subscriber { return listener{b.GoChannel} }

type listener struct{ message.Subscriber }

// Close does nothing: a subscription ends with its context.
func (listener) Close() error { return nil }

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

// Counts are how far a service is.
type Counts struct {
	Taken   int // deliveries by RabbitMQ
	Again   int // those of them of a message that had come before
	Refused int // calls of the handler that it refused
	Dead    int // dead letters that were made
	Parked  int // messages that wait in the store
}

// line is what a service says of them.
const line = "at taken=%d again=%d refused=%d dead=%d parked=%d\n"

// Parse reads a line that a service said; false: it says something else.
func Parse(said string) (c Counts, ok bool) {
	n, err := fmt.Sscanf(said, line, &c.Taken, &c.Again, &c.Refused, &c.Dead, &c.Parked)
	return c, err == nil && n == 5
}

func (c Counts) String() string {
	return fmt.Sprintf(line, c.Taken, c.Again, c.Refused, c.Dead, c.Parked)
}

// counts are written by those who take, and read by who says them.
type counts struct {
	mu   sync.Mutex
	n    Counts
	seen map[int]bool
}

func newCounts() *counts { return &counts{seen: map[int]bool{}} }

func (c *counts) take(number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.Taken++
	if c.seen[number] {
		c.n.Again++
	}
	c.seen[number] = true
}

func (c *counts) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.Refused++
}

func (c *counts) give() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.Dead++
}

func (c *counts) stored(dead, parked int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.Dead, c.n.Parked = int(dead), int(parked)
}

func (c *counts) now() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// marshaler counts what a stock subscriber decodes, or fails to.
type marshaler struct {
	amqp.Marshaler
	counts *counts
}

func (m marshaler) Unmarshal(d amqp091.Delivery) (*message.Message, error) {
	if d.DeliveryTag != 0 { // a closed channel yields deliveries that are none (W6)
		m.counts.take(load.NumberOf(d.Body))
	}
	return m.Marshaler.Unmarshal(d)
}

// counting counts what is given up.
type counting struct {
	message.Publisher
	counts *counts
}

func (c counting) Publish(topic string, all ...*message.Message) error {
	err := c.Publisher.Publish(topic, all...)
	for range all {
		if err == nil {
			c.counts.give()
		}
	}
	return err
}

// attend says how far the service is, and mends what it lacks when it is told to.
// look, if there is one, refreshes what the store knows.
func (s *service) attend(ctx context.Context, look, mend func(context.Context) error) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	var failed error
	fmt.Print(Counts{}) //nolint:forbidigo // it tells bench, which started it
	for last, tick := (Counts{}), time.NewTicker(20*time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return failed
		case <-asked:
			s.mended.Store(true)
			if mend != nil {
				failed = errors.Join(failed, mend(ctx))
			}
		case <-tick.C:
			if look != nil && look(ctx) != nil { // it is about to end
				continue
			}
			if now := s.counts.now(); now != last {
				fmt.Print(now) //nolint:forbidigo // the same
				last = now
			}
		}
	}
}

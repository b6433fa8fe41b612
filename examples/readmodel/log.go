package main

import (
	"context"
	"strconv"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
)

// log keeps all movements. Who subscribes gets it from the beginning, in no
// particular order, and then what is appended.
type log struct {
	pubsub *gochannel.GoChannel
	length atomic.Int64
}

func newLog() *log {
	return &log{pubsub: gochannel.NewGoChannel(gochannel.Config{Persistent: true, BlockPublishUntilSubscriberAck: true}, nil)}
}

// append returns when all who read the log have acknowledged: handled it, parked it
// or made it a dead letter.
func (l *log) append(account string, revision int, amount string) error {
	m := message.NewMessage(watermill.NewUUID(), []byte(amount))
	m.Metadata = message.Metadata{"account": account, "revision": strconv.Itoa(revision)}
	l.length.Add(1)
	return l.pubsub.Publish("movements", m)
}

// Subscribe implements message.Subscriber.
func (l *log) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	return l.pubsub.Subscribe(ctx, topic)
}

// Close implements message.Subscriber. A router calls it when it stops; others
// still read.
func (l *log) Close() error { return nil }

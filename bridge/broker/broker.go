// Package broker is what the bridge asks of a broker's edge, so that routes do
// not know which broker they speak to.
//
// A source hands over carriers: one Watermill message that transports a batch
// of deliveries. A carrier only transports; each delivery in it is settled by
// itself. A target takes batches and answers for each message by itself, with
// errors that carry their class ([policies.ClassOf]).
//
// Edges live in folders of their own and run the suite in brokertest.
package broker

import (
	"context"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/config"
)

// Broker is a connection to one broker, shared by the routes that name it.
type Broker interface {
	// Source prepares to read. It does not connect: a broker that is away is
	// waited for, as one that was lost.
	Source(from config.From, opts SourceOptions) (Source, error)
	// Target prepares to write, likewise.
	Target(to config.To, opts TargetOptions) (Target, error)
	// Ping reports whether the broker answers now.
	Ping(ctx context.Context) error
	// Close ends what is left of its connections.
	Close() error
}

// Source delivers messages in carriers. As a Watermill subscriber it is read
// with Subscribe(ctx, ""), once; the channel closes when ctx ends or Close is
// called.
type Source interface {
	message.Subscriber
	// Pause stops taking messages; those in hand stay unacknowledged. Resume
	// goes on. Both return at once and may be called twice.
	Pause()
	Resume()
	// Lag is how many messages wait in the source that were not taken yet.
	Lag(ctx context.Context) (int64, error)
	// Name says what is read, for people: "amqp queue orders".
	Name() string
}

// SourceOptions are what a route gives its source.
type SourceOptions struct {
	Route string
	Owner string // the store's id: how another instance is told from ourselves
	// Ordered says that the route must be the only consumer of its source.
	Ordered bool
	// Positions is where a Kafka source keeps its positions. Nil: nowhere, and
	// what they would tell stays unseen.
	Positions Positions
	// AcceptOffset takes the offsets of the group as they are, once, though they do
	// not fit the positions: an operator has said so.
	AcceptOffset bool
	// State is told when the source begins to deliver (nil) and when it no longer
	// does, with why. It may be called from any goroutine and must return at once.
	State func(err error)
}

// Target publishes messages.
type Target interface {
	// Publisher is the Watermill form: Publish(topic, …) with topic "" for the
	// target's own; it returns when all are confirmed, or the first error.
	message.Publisher
	// PublishBatch publishes messages and returns when the outcome of each is
	// known, an error for each in the same order: nil is the broker's confirm.
	PublishBatch(msgs []*message.Message) []error
	// Name says what is written, for people: "kafka topic orders".
	Name() string
}

// TargetOptions are what a route gives its target.
type TargetOptions struct {
	Route string
	State func(err error) // told when the target answers (nil) and when not, as in SourceOptions
	// Timeout is how long a publish to RabbitMQ waits for the next outcome; what has
	// none by then fails as unavailable. 0: 10 s. A publish to Kafka waits for as
	// long as it takes.
	Timeout time.Duration
	// Key returns the key of the Kafka record that is made of a message, or false
	// for null; a message without the fields of which the key is made gets an
	// error, with its class. Nil: the key of the order (HeaderKey), on a route
	// without one the key that the message came with, else null.
	Key func(*message.Message) (key string, ok bool, err error)
	// Late reports whether a message comes so late, as one that is redriven, that
	// its Kafka record gets the time of now though it came with one. Nil: none.
	Late func(*message.Message) bool
	// Chunk says which chunk of consecutive messages of one key a message belongs
	// to, and its place in there, from 0; the id is nil where it belongs to none.
	// See [Chunker]. Nil: there are none.
	Chunk func(*message.Message) (id any, at int)
}

// Chunker is a [Target] that takes chunks (TargetOptions.Chunk): a message of a
// chunk is delivered only if the one before it in the call is the one before it
// in the chunk, and together with that, so that either both are delivered or
// none. What is refused for that fails as interrupted.
type Chunker interface{ TakesChunks() }

// Session acknowledges deliveries to the source they came from. A session ends
// with its connection; afterwards Ack does nothing and is no error, because
// the broker delivers again.
type Session interface {
	// Ack acknowledges the deliveries with these tokens, in any order.
	Ack(tokens []uint64)
}

// Carrier is a batch of deliveries in one Watermill message.
type Carrier struct {
	Messages []*message.Message
	Tokens   []uint64 // of each message, for Session.Ack
	Session  Session
}

type carrierKey struct{}

// Pack puts a carrier into a message.
func Pack(c *Carrier) *message.Message {
	m := &message.Message{Metadata: message.Metadata{}}
	m.SetContext(context.WithValue(context.Background(), carrierKey{}, c))
	return m
}

// Unpack returns the carrier in a message, if it is one.
func Unpack(m *message.Message) (*Carrier, bool) {
	c, ok := m.Context().Value(carrierKey{}).(*Carrier)
	return c, ok
}

// The reserved metadata of messages inside the bridge and between brokers.
const (
	HeaderMessageID = "bridge-message-id"
	HeaderKey       = "bridge-key"
	HeaderRevision  = "bridge-revision"
	HeaderHops      = "bridge-hops"
	HeaderAMQP      = "bridge-amqp"  // sidecar: what AMQP knows and text headers cannot say
	HeaderKafka     = "bridge-kafka" // sidecar: what Kafka knows and text headers cannot say

	// HeaderUndecodable marks a message of which a part, named by its value, could
	// not be decoded: it travels on, and becomes a dead letter.
	HeaderUndecodable = "bridge-undecodable"

	// HeaderNullBody stands on AMQP for a body that was null, which AMQP does not
	// have. It is believed beside an empty body only.
	HeaderNullBody = "bridge-null-body"

	// HeaderSourceTime is the time of the record that a message came as, where the
	// one it is delivered as has another: RFC 3339, with milliseconds.
	HeaderSourceTime = "bridge-source-timestamp"

	// HeaderWatermillID is where Watermill's own clients put a message's id.
	HeaderWatermillID = "_watermill_message_uuid"
)

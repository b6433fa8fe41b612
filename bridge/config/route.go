package config

import "time"

// Route is one source, one target, their order and policies.
type Route struct {
	// Name is unique in the file: [a-z0-9][a-z0-9_-]{0,62}. It labels metrics, names
	// the Kafka group and identifies what the store holds: a renamed route is a new
	// one.
	Name string

	// Path is where the route stands in the file, for [File.Pos].
	Path string

	// From is what the route reads, at least one. More than one when the revisions
	// of a key may come from several queues.
	From []From

	// To is where the route publishes.
	To To

	// When, when not empty, takes only messages for which each field has one of the
	// listed values. A filtered message settles its revision, so it is no gap.
	When []Match

	Shared
}

// Shared is what a route may inherit from `defaults:`, setting by setting.
type Shared struct {
	Order      Order
	Retry      Retry
	Breaker    Breaker
	DeadLetter DeadLetter
	Park       Park
	Events     Events
	Alarms     Alarms
	Owner      Owner
}

// Match is one condition of `when:`.
type Match struct {
	Field  Field
	Values []string // at least one
}

// Trust says which bridge-* headers of a source are believed.
type Trust string

// The degrees of trust.
const (
	TrustBridge Trust = "bridge" // bridge-hops, bridge-message-id and a sidecar that matches
	TrustNone   Trust = "none"   // none
)

// Protocol is how the members of a Kafka consumer group share its partitions.
type Protocol string

// The protocols.
const (
	ProtocolClassic  Protocol = "classic"  // by the members: cooperative-sticky, or range where one knows no other
	ProtocolConsumer Protocol = "consumer" // by the brokers, from Kafka 4.0 on
)

// From is one source. Exactly one of Queue and Topic is set: Queue on AMQP,
// Topic on Kafka, either on memory.
type From struct {
	// Broker is the name of a broker of the file.
	Broker string

	// Path is where the source stands in the file, for [File.Pos].
	Path string

	Queue string
	Topic string

	// Group is the Kafka consumer group. Default bridge-<route>. Empty elsewhere.
	Group string

	// Protocol is that of the Kafka group. Default classic. Empty elsewhere.
	Protocol Protocol

	// Start is where a Kafka group begins that has no offset yet. Default earliest.
	Start Start

	// Window is how many messages may be taken and not yet acknowledged. Parked
	// messages do not count. 1 to 65535. Default 2000, with Kafka 8000.
	Window int

	// WindowBytes bounds the same by size, in bytes. Default 64MiB.
	WindowBytes int64

	// Declare, when On, creates the queue or topic if it is missing. Default off.
	Declare Declare

	// Trust is bridge or none. Default bridge.
	Trust Trust

	// DeadLetters is true for a queue or topic in which others keep what they gave
	// up: each message is a dead letter of the route at once, and is published only
	// if an operator redrives it. All sources of the route have it, or none.
	DeadLetters bool
}

// Name is the queue or topic.
func (f From) Name() string { return f.Queue + f.Topic }

// Start is a place in a Kafka topic.
type Start struct {
	// Latest begins with what arrives after the first start.
	Latest bool

	// Time begins with the first record at or after it. Zero with Latest false:
	// earliest.
	Time time.Time
}

// Headers says how foreign header values are written.
type Headers string

// The ways to write headers.
const (
	HeadersTyped Headers = "typed" // as the target's own types, where it has them
	HeadersText  Headers = "text"  // as strings, for stock Watermill readers
)

// Stamp says whether a target's messages are numbered anew.
type Stamp string

// StampRevision numbers the messages of each key from 1, without a gap.
const StampRevision Stamp = "revision"

// To is the target. On Kafka Topic is set; on AMQP Queue, or Exchange and
// RoutingKey; on memory Queue or Topic.
type To struct {
	// Broker is the name of a broker of the file.
	Broker string

	// Path is where the target stands in the file, for [File.Pos].
	Path string

	Topic      Dynamic
	Queue      string // or origin, see OriginQueue
	Exchange   string
	RoutingKey Dynamic

	// Key is where the Kafka record key comes from; several fields are joined. It
	// decides the partition. Default: the key of the order. Empty on a route
	// without one: the message's own key, if it has one.
	Key []Field

	// Declare, when On, creates the queue, exchange or topic if it is missing.
	// Default off.
	Declare Declare

	// Headers is typed or text. Default typed.
	Headers Headers

	// Stamp numbers what is delivered, anew and per key; the number is the header
	// bridge-revision. The zero value: that header is the revision it came with.
	Stamp Stamp
}

// OriginQueue reports whether the queue is `origin`: the one in which the message
// was given up. A fixed name can thus not be "origin".
func (t To) OriginQueue() bool { return t.Queue == originName }

// Name is what the target publishes to, as it stands in the file: the topic, the
// queue or the exchange.
func (t To) Name() string { return t.Queue + t.Exchange + t.Topic.String() }

// Dynamic is a name that is fixed or taken from each message. The zero value is
// none. A fixed name can thus not be "source", "origin" or "message_key", nor begin
// with "header.".
type Dynamic struct {
	// Fixed is the name, when it is fixed.
	Fixed string

	// Source is true for `source`: the name that the message came with.
	Source bool

	// Origin is true for `origin`: the name that a dead letter of somebody else had
	// where it was given up, as its headers say. See [From].DeadLetters.
	Origin bool

	// Field is where the name is taken from, when it is none of these: `header.X` or
	// `message_key`.
	Field Field
}

// The words that stand for a name of the message's own.
const (
	sourceName = "source"
	originName = "origin"
)

// IsZero reports whether no name was given.
func (d Dynamic) IsZero() bool { return d == Dynamic{} }

// IsFixed reports whether the name is the same for every message.
func (d Dynamic) IsFixed() bool { return d.Fixed != "" }

// String is the name as the file writes it.
func (d Dynamic) String() string {
	switch {
	case d.Source:
		return sourceName
	case d.Origin:
		return originName
	case d.Fixed != "":
		return d.Fixed
	default:
		return d.Field.String()
	}
}

// Declare says whether and how a missing queue, exchange or topic is created.
// What is there already is left as it is.
type Declare struct {
	// On is true after `declare: true` and after `declare: { … }`.
	On bool

	// Type is quorum or classic for a queue (default quorum), topic, direct, fanout
	// or headers for an exchange (default topic), empty for a Kafka topic.
	Type string

	// Partitions and Replication are for a Kafka topic. 0, the default: the
	// broker's own default.
	Partitions, Replication int
}

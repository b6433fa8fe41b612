// Package foreign reads the headers of dead letters that others have given up:
// why it happened, and where the message came from.
//
// What it reads is metadata as the bridge's edges make it: the text of each
// header byte for byte, and what AMQP's types make of it in the sidecar. Nothing
// in there is vouched for: whoever can write to a dead-letter queue can write
// these headers. All that comes out is bounded and printable.
package foreign

import (
	"cmp"
	"strings"
	"time"
)

// Profile is the system whose headers were found.
type Profile string

// The profiles.
const (
	Spring      Profile = "spring"      // Spring Kafka's DeadLetterPublishingRecoverer
	Connect     Profile = "connect"     // the dead-letter queue of Kafka Connect's sinks
	Watermill   Profile = "watermill"   // Watermill's PoisonQueue middleware
	RabbitMQ    Profile = "rabbitmq"    // a queue with a dead-letter exchange
	NServiceBus Profile = "nservicebus" // an NServiceBus error queue
	Azure       Profile = "azure"       // what was moved here from Azure Service Bus
)

// Letter is what the headers of a dead letter say. What they do not say is zero.
type Letter struct {
	Profile Profile
	Origin  Origin

	Reason  string // in the words of the system, such as rejected or expired
	Type    string // of the error
	Message string // of the error

	When     time.Time // it was given up
	Attempts int
}

// Origin is where a message was when it was given up. A Topic is of Kafka, a
// Queue, or an Exchange with a RoutingKey, of a broker with queues. Watermill does
// not say which of them it means, so its name is both.
type Origin struct {
	Topic     string
	Placed    bool // Partition and Offset are known
	Partition int32
	Offset    int64

	Queue      string
	Exchange   string
	RoutingKey string
	Routed     bool // Exchange and RoutingKey are known: either may be empty
}

// Read reads the headers of the system that gave a message up; false where there
// are none. A message that has those of several, as one that RabbitMQ has delayed
// before a service gave it up, was given up by the service.
func Read(metadata map[string]string) (Letter, bool) {
	h := headers(metadata)
	for _, read := range [...]func(headers) (Letter, bool){spring, connect, watermill, nservicebus, azure, rabbitmq} {
		if l, ok := read(h); ok {
			return l, true
		}
	}
	return Letter{}, false
}

// Error is the cause in one line: the system, its reason or the type of the error,
// what it said, and where that was.
func (l Letter) Error() string {
	var b strings.Builder
	b.WriteString(string(l.Profile))
	for _, part := range []string{cmp.Or(l.Type, l.Reason), l.Message} {
		if part != "" {
			b.WriteString(": ")
			b.WriteString(part)
		}
	}
	if from := l.Origin.String(); from != "" {
		b.WriteString(" (")
		b.WriteString(from)
		b.WriteString(")")
	}
	return b.String()
}

// String says where it was, for people; "" where nothing is known.
func (o Origin) String() string {
	switch {
	case o.Placed && o.Topic != "":
		return "topic " + o.Topic + ", partition " + decimal(int64(o.Partition)) + ", offset " + decimal(o.Offset)
	case o.Topic != "" && o.Queue != "":
		return "from " + o.Topic
	case o.Topic != "":
		return "topic " + o.Topic
	case o.Queue != "":
		return "queue " + o.Queue
	}
	return ""
}

package bridge

import (
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/events"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/policies"
)

// The headers by which a record asks for a reply: those of Spring Kafka, and
// what others call the same.
const (
	springReplyTopic  = "kafka_replyTopic"
	springCorrelation = "kafka_correlationId"
	plainReplyTo      = "reply-to"
	plainCorrelation  = "correlation-id"
)

// headerReplyTo has the topic of a reply.
const headerReplyTo = "bridge-reply-to"

// replyTo reads who wants to be told that a message of the route failed. Where a
// reply goes is the sender's word: never to where the route itself reads or
// writes, nor to what belongs to the broker.
func replyTo(f *config.File, r config.Route) func(*message.Message) *store.Reply {
	if !r.DeadLetter.Reply {
		return nil
	}
	read, isName := askedAMQP, isQueueName
	if kindOf(f, r.From[0].Broker) == config.KindKafka {
		read, isName = askedKafka, isTopicName
	}
	own := map[string]bool{}
	for _, from := range r.From {
		own[from.Name()] = true
	}
	for _, to := range []*config.To{&r.To, r.DeadLetter.To, r.Events.To} {
		if to != nil {
			own[to.Queue+to.Topic.Fixed] = true
		}
	}
	return func(m *message.Message) *store.Reply {
		reply := read(m)
		if reply.To == "" || own[reply.To] || !isName(reply.To) {
			return nil
		}
		return &reply
	}
}

func askedAMQP(m *message.Message) (r store.Reply) {
	r.To, _ = broker.Property(m.Metadata, "reply-to")
	r.CorrelationID, _ = broker.Property(m.Metadata, "correlation-id")
	r.MessageID = m.UUID
	return r
}

func askedKafka(m *message.Message) store.Reply {
	return store.Reply{
		To:            cmp.Or(m.Metadata[springReplyTopic], m.Metadata[plainReplyTo]),
		CorrelationID: cmp.Or(m.Metadata[springCorrelation], m.Metadata[plainCorrelation]),
		MessageID:     m.UUID,
	}
}

// isQueueName refuses the direct reply-to of RabbitMQ, too: who waited there has
// gone.
func isQueueName(name string) bool {
	return len(name) <= 255 && !strings.HasPrefix(name, "amq.") && strings.IndexFunc(name, unicode.IsControl) < 0
}

var topicPattern = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// isTopicName refuses topics of Kafka's own.
func isTopicName(name string) bool {
	return topicPattern.MatchString(name) && !strings.HasPrefix(name, "__")
}

// repliesLine is the way back to who asked.
func repliesLine(b *Bridge, r config.Route, o *outbox) *line {
	name := r.From[0].Broker
	kafka := kindOf(b.file, name) == config.KindKafka
	to := config.To{Broker: name, Queue: "origin", Headers: config.HeadersTyped} // none that is looked for
	if kafka {
		to = config.To{Broker: name, Topic: config.Dynamic{Field: config.Field{Kind: config.Header, Name: headerReplyTo}}, Headers: config.HeadersTyped}
	}
	return newLine(o, status.End{Broker: name, Name: "whoever asks"}, &line{
		what: lineReplies,
		compose: func(e *store.Event) (*letter, error) {
			if e.Reply == nil {
				return nil, nil
			}
			m, err := replyOf(r, e, kafka)
			if kafka || err != nil {
				return &letter{Message: m}, err
			}
			return &letter{Message: m, to: e.Reply.To}, nil
		},
		dial: func(opts broker.TargetOptions) (broker.Target, error) {
			opts.Timeout = r.Retry.Timeout
			return b.brokers[name].Target(to, opts)
		},
		// Who does not wait any more is not waited for.
		lost: func(err error) bool { return errors.Is(err, broker.ErrMissing) },
	})
}

// replyOf is the reply to a message that became a dead letter.
func replyOf(r config.Route, e *store.Event, kafka bool) (*message.Message, error) {
	body, err := json.Marshal(events.DataOf(r.Name, r.Owner.Name, e))
	if err != nil {
		return nil, err
	}
	m := message.NewMessage(r.Name+"/"+strconv.FormatUint(e.Seq, 10)+"/reply", body)
	policies.Story{
		Reason: e.Reason, Class: e.Class, Error: e.Error, FirstFailed: e.At, LastFailed: e.At, Route: r.Name, Target: r.To.Name(),
	}.Write(m.Metadata)
	delete(m.Metadata, policies.HeaderAttempts) // the event does not know
	m.Metadata[headerDeadID] = e.Dead
	correlation := cmp.Or(e.Reply.CorrelationID, e.Reply.MessageID)
	if kafka {
		m.Metadata["content-type"] = "application/json"
		m.Metadata[headerReplyTo] = e.Reply.To
		m.Metadata[springCorrelation], m.Metadata[plainCorrelation] = correlation, correlation
		return m, nil
	}
	var side sidecar.Aside
	side.Property("content-type", "application/json")
	if correlation != "" {
		side.Property("correlation-id", correlation)
	}
	m.Metadata[broker.HeaderAMQP] = side.String()
	return m, nil
}

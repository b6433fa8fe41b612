package bridge

import (
	"cmp"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/tidwall/gjson"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/foreign"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
)

// maxHops is how many bridges a message may pass before it is taken to go in
// circles.
const maxHops = 16

// messageIDs is the namespace of message ids derived from route, key, epoch and
// revision.
var messageIDs = uuid.MustParse("0c6f6f5e-3a0b-5d0e-8c1a-7a2f7f0e6a10")

// identifier reads a message's key and revision and writes the headers that a
// delivered message gains.
type identifier struct {
	route   string
	by      ordering.By
	order   config.By
	when    filter
	stamped bool // the revision that a message came with is not that of the delivered one
	givenUp bool // by others: what comes from the source is a dead letter
}

func newIdentifier(r config.Route) identifier {
	id := identifier{route: r.Name, order: r.Order.By, when: newFilter(r.When), stamped: r.To.Stamp != "", givenUp: takesDeadLetters(r)}
	if r.Order.By == config.ByRevision {
		id.by.Revision = whole(r.Order.Revision)
	}
	for _, f := range r.Order.Key {
		id.by.Key = append(id.by.Key, field(f))
	}
	if !r.Order.Epoch.IsZero() {
		id.by.Epoch = whole(r.Order.Epoch)
	}
	return id
}

// identify is ordering.Config.Identify.
func (i identifier) identify(m *message.Message) (id ordering.ID, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &ordering.IdentifyError{Reason: ordering.ReasonPanic, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
		if err != nil {
			tellApart(m, err)
		}
	}()
	if i.givenUp && !ordering.Redriven(m) {
		return id, givenUp(m)
	}
	return i.read(m)
}

// tellApart gives a message that cannot be identified what tells it from others.
func tellApart(m *message.Message, err error) {
	if m.UUID == "" {
		m.UUID = position(m.Metadata)
	}
	if refused, ok := errors.AsType[*ordering.IdentifyError](err); ok {
		refused.Same = foreign.Same(m.Metadata)
	}
}

// position is where in Kafka a message came from, as the id of a dead letter
// that nothing else identifies; "" for a message from elsewhere.
func position(md message.Metadata) string {
	side, ok := md[broker.HeaderKafka]
	if !ok {
		return ""
	}
	at := gjson.GetMany(side, "topic", "partition", "offset")
	for _, part := range at {
		if !part.Exists() {
			return ""
		}
	}
	return at[0].String() + "/" + at[1].Raw + "/" + at[2].Raw
}

// read identifies a message and writes its headers.
func (i identifier) read(m *message.Message) (ordering.ID, error) {
	hops := 0
	if text, passed := m.Metadata[broker.HeaderHops]; passed {
		if n, err := strconv.Atoi(text); err == nil && n > 0 {
			hops = n
		}
	}
	if hops >= maxHops {
		return ordering.ID{}, &ordering.IdentifyError{
			Reason: "loop", Err: fmt.Errorf("the message has passed %d bridges: it goes in circles", hops),
		}
	}
	if why, marked := m.Metadata[broker.HeaderUndecodable]; marked {
		return ordering.ID{}, &ordering.IdentifyError{Reason: ordering.ReasonUndecodable, Err: errors.New(why)}
	}
	id, err := i.by.Identify(m)
	if err != nil {
		return id, err
	}
	if _, err := i.when.judge(m); err != nil {
		return id, err
	}
	if m.UUID == "" {
		m.UUID = i.messageID(id, m.Metadata)
	}
	m.Metadata[broker.HeaderMessageID] = m.UUID
	m.Metadata[broker.HeaderHops] = hopText(hops + 1)
	i.writePlace(m.Metadata, id)
	return id, nil
}

// writePlace writes where in the order a message is. What the route does not know
// of stays as another bridge wrote it; a key of its own without one would not be
// that of the revision.
func (i identifier) writePlace(md message.Metadata, id ordering.ID) {
	switch {
	case i.order == config.ByRevision:
		md[broker.HeaderKey] = id.Key
		md[broker.HeaderRevision] = strconv.FormatInt(int64(id.Revision), 10)
	case len(i.by.Key) > 0:
		if md[broker.HeaderKey] != id.Key && !i.stamped {
			delete(md, broker.HeaderRevision)
		}
		md[broker.HeaderKey] = id.Key
	}
}

// hopText spells the usual counts without an allocation.
func hopText(n int) string {
	if n == 1 {
		return "1"
	}
	return strconv.Itoa(n)
}

// messageID derives the id of a message whose source gave it none: the same
// each time it comes, but for one from RabbitMQ without a revision.
func (i identifier) messageID(id ordering.ID, md message.Metadata) string {
	if i.order != config.ByRevision {
		return cmp.Or(position(md), uuid.NewString())
	}
	name := fmt.Sprintf("%s\x00%d:%s\x00%d\x00%d", i.route, len(id.Key), id.Key, id.Epoch, id.Revision)
	return uuid.NewSHA1(messageIDs, []byte(name)).String()
}

// field reads what a config field names.
func field(f config.Field) ordering.Field {
	switch f.Kind {
	case config.JSON:
		return ordering.JSON(f.Name)
	case config.Property:
		return property(f.Name)
	case config.RoutingKey:
		return property("routing-key")
	case config.MessageKey:
		return recordKey
	default:
		return ordering.Header(f.Name)
	}
}

// whole reads a field that is to be a whole number. An AMQP header that was a
// float is none, even if its text looks like one.
func whole(f config.Field) ordering.Field {
	read := field(f)
	if f.Kind != config.Header {
		return read
	}
	path := "types." + gjson.Escape(f.Name)
	return func(m *message.Message) (string, bool, error) {
		v, found, err := read(m)
		side := m.Metadata[broker.HeaderAMQP]
		if !found || err != nil || !strings.Contains(side, `"types"`) {
			return v, found, err
		}
		if t := gjson.Get(side, path).Str; t == "d" || t == "f" {
			return "", true, fmt.Errorf("header %q is a float", f.Name)
		}
		return v, found, nil
	}
}

// property reads what the sidecar of an AMQP message says.
func property(name string) ordering.Field {
	return func(m *message.Message) (string, bool, error) {
		v, ok := broker.Property(m.Metadata, name)
		return v, ok, nil
	}
}

// recordKey reads the key of a Kafka record out of its sidecar.
func recordKey(m *message.Message) (string, bool, error) {
	key, found := broker.RecordKey(m.Metadata)
	return key, found, nil
}

// sameness is the fingerprint that order.same asks for.
func sameness(f config.Field) func(*message.Message) lane.Print {
	switch f.Kind {
	case config.Body, "":
		return ordering.Body
	case config.Revision:
		return ordering.Always
	default:
		return ordering.Text(field(f))
	}
}

package amqp

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/policies"
)

// parcel is a message on its way.
type parcel struct {
	exchange, key string
	own           bool // it goes where the target says
	chosen        bool // its key was taken from the message
	amqp.Publishing
	header int // bytes of its header frame, without what surrounds it

	result *error // in what the caller gets; written by the caller's goroutine only

	// What follows belongs to the outlet that has it.
	dc       *amqp.DeferredConfirmation // nil: not written
	returned string                     // why it came back; "": it did not
	known    bool                       // its outcome is
	late     bool                       // nobody waits for it any more

	// What follows belongs to the trial that judges it, if there is one.
	judged  chan struct{} // closed when it did; nil: there is none
	verdict error
	final   bool        // the verdict counts; else it is to be sent again
	dropped atomic.Bool // its caller has given up
}

// renew makes it ready for another outlet.
func (p *parcel) renew() *parcel {
	p.dc, p.returned, p.known = nil, "", false
	p.judged, p.verdict, p.final = nil, nil, false
	return p
}

func (p *parcel) size() int { return len(p.Body) + p.header }

// is reports whether both would leave the same behind.
func (p *parcel) is(q *parcel) bool {
	return p.exchange == q.exchange && p.key == q.key && reflect.DeepEqual(p.Publishing, q.Publishing)
}

// pack makes parcels of messages; those that can go nowhere get their error.
func (t *Target) pack(topic string, msgs []*message.Message, errs []error) []*parcel {
	all := make([]parcel, len(msgs))
	ps := make([]*parcel, 0, len(msgs))
	w := writer{text: t.text}
	for i, m := range msgs {
		p := &all[i]
		p.result = &errs[i]
		if errs[i] = t.address(p, topic, m); errs[i] != nil {
			continue
		}
		p.Publishing = w.publishing(m)
		var ok bool
		if p.header, ok = headerSize(&p.Publishing); !ok {
			errs[i] = policies.Because(policies.Permanent, "permanent", errUnwritable)
			continue
		}
		ps = append(ps, p)
	}
	return ps
}

// address says where a message goes. A topic that is not the target's own is
// another queue, or for an exchange another routing key.
func (t *Target) address(p *parcel, topic string, m *message.Message) error {
	p.exchange, p.own = t.to.Exchange, topic == "" || topic == t.to.Name()
	switch {
	case !p.own:
		p.key = topic
	case t.to.OriginQueue():
		p.chosen = true
		var err error
		if p.key, err = origin(m); err != nil {
			return err
		}
	case t.to.Queue != "":
		p.key = t.to.Queue
	default:
		var ok bool
		p.chosen = !t.to.RoutingKey.IsFixed()
		if p.key, ok = broker.Name(t.to.RoutingKey, m, broker.ProtocolAMQP); !ok {
			return policies.Because(policies.Permanent, "unroutable",
				fmt.Errorf("the message has no %s to take the routing key from", t.to.RoutingKey))
		}
	}
	if len(p.key) > shortString {
		return policies.Because(policies.Permanent, "unroutable",
			fmt.Errorf("the routing key has %d bytes, AMQP allows %d", len(p.key), shortString))
	}
	return nil
}

// origin is the queue in which others gave the message up.
func origin(m *message.Message) (string, error) {
	queue, ok := broker.OriginQueue(m)
	var err error
	switch {
	case !ok:
		err = errors.New("no header of the message says from which queue it came (to.queue: origin)")
	case strings.HasPrefix(queue, "amq."): // as in the topology file
		err = fmt.Errorf("the message says that it came from %q: queues that begin with amq. belong to the broker", queue)
	default:
		return queue, nil
	}
	return "", policies.Because(policies.Permanent, "unroutable", err)
}

// headerSize is how large a publishing's header frame is, without what
// surrounds every frame. It is false for a table that AMQP has no form for.
func headerSize(p *amqp.Publishing) (size int, ok bool) {
	size = 14 // class, weight, size of the body, flags
	for _, s := range [...]string{
		p.ContentType, p.ContentEncoding, p.CorrelationId, p.ReplyTo, p.Expiration,
		p.MessageId, p.Type, p.UserId, p.AppId,
	} {
		if s != "" {
			size += 1 + len(s)
		}
	}
	if p.DeliveryMode > 0 {
		size++
	}
	if p.Priority > 0 {
		size++
	}
	if !p.Timestamp.IsZero() {
		size += 8
	}
	if len(p.Headers) == 0 {
		return size, true
	}
	table, ok := tableSize(p.Headers)
	return size + table, ok
}

func tableSize(t amqp.Table) (size int, ok bool) {
	size = 4
	for name, v := range t {
		n, ok := fieldSize(v)
		if !ok || len(name) > shortString {
			return 0, false
		}
		size += 1 + len(name) + n
	}
	return size, true
}

func fieldSize(v any) (size int, ok bool) {
	switch v := v.(type) {
	case nil:
		return 1, true
	case bool, uint8, int8:
		return 2, true
	case int16, uint16:
		return 3, true
	case int32, uint32, float32:
		return 5, true
	case int64, float64, time.Time:
		return 9, true
	case amqp.Decimal:
		return 6, true
	case string:
		return 5 + len(v), true
	case []byte:
		return 5 + len(v), true
	case amqp.Table:
		n, ok := tableSize(v)
		return 1 + n, ok
	case []any:
		size = 5
		for _, inner := range v {
			n, ok := fieldSize(inner)
			if !ok {
				return 0, false
			}
			size += n
		}
		return size, true
	}
	return 0, false
}

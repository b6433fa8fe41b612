package amqp

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// sweep marks the parcels that came back.
func (o *outlet) sweep() {
	for {
		select {
		case r, ok := <-o.returns:
			if !ok {
				return
			}
			o.mark(&r)
		default:
			return
		}
	}
}

// mark finds the parcel that came back. RabbitMQ does not say which it was, but
// they come back in the order in which they were sent: it is the first that has
// all that came back. If there are several alike, it does not matter which is
// said to have failed: neither can be told from the other anywhere.
func (o *outlet) mark(r *amqp.Return) {
	for _, p := range o.flying {
		if !p.known && p.returned == "" && p.cameAs(r) {
			p.returned = fmt.Sprintf("%d %s", r.ReplyCode, r.ReplyText)
			o.suspect(p)
			return
		}
	}
	o.astray = true
	select {
	case o.stray <- struct{}{}:
	default:
	}
}

// suspect has the target looked for, if what came back says that it is gone.
func (o *outlet) suspect(p *parcel) {
	switch {
	case !p.own || p.chosen:
	case p.exchange != "":
		o.t.doubtful(o.t.unbound(p.key))
	default:
		select {
		case o.doubt <- struct{}{}:
		default:
		}
	}
}

// cameAs reports whether a message that came back may be this one. RabbitMQ may
// have added to its headers.
func (p *parcel) cameAs(r *amqp.Return) bool {
	if p.key != r.RoutingKey || p.exchange != r.Exchange || p.MessageId != r.MessageId || !bytes.Equal(p.Body, r.Body) {
		return false
	}
	for name, v := range p.Headers {
		got, there := r.Headers[name]
		if !there || !equal(v, got) {
			return false
		}
	}
	return true
}

// equal compares values of a table.
func equal(a, b any) bool {
	switch a := a.(type) {
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Unix() == b.Unix()
	case float32:
		b, ok := b.(float32)
		return ok && math.Float32bits(a) == math.Float32bits(b)
	case float64:
		b, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case amqp.Table:
		b, ok := b.(amqp.Table)
		return ok && maps.EqualFunc(a, b, equal)
	}
	return a == b
}

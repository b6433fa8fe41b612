package sidecar

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// RecordEncoder turns what Kafka records carry beside their values into
// metadata. One goroutine at a time.
type RecordEncoder struct {
	// TrustNone drops all headers that begin with "bridge-". Otherwise
	// those that another bridge writes are believed.
	TrustNone bool

	buf   []byte
	order []kgo.RecordHeader // the headers of the current record by name, where it matters
}

// Encode returns a record's headers and sidecar. It cannot fail. A header that
// repeats has its last value for a text, as Kafka's own lastHeader; one whose
// last value is null has none.
func (e *RecordEncoder) Encode(r *kgo.Record) message.Metadata {
	md := make(message.Metadata, len(r.Headers)+1)
	shuffled, odd, previous := false, false, ""
	for i := range r.Headers {
		h := &r.Headers[i]
		if strings.HasPrefix(h.Key, reserved) {
			e.believe(md, h)
			continue
		}
		shuffled = shuffled || h.Key < previous
		previous = h.Key
		if h.Value == nil {
			odd = true
			delete(md, h.Key)
			continue
		}
		before := len(md)
		md[h.Key] = string(h.Value)
		odd = odd || len(md) == before
	}
	md[broker.HeaderKafka] = e.sidecar(r, shuffled, odd)
	return md
}

// believe takes over a header of the bridge's own, if it may.
func (e *RecordEncoder) believe(md message.Metadata, h *kgo.RecordHeader) {
	if !e.TrustNone && h.Value != nil && (h.Key == broker.HeaderAMQP || isBridged(h.Key)) {
		md[h.Key] = string(h.Value)
	}
}

// sidecar writes what the text headers do not say.
func (e *RecordEncoder) sidecar(r *kgo.Record, shuffled, odd bool) string {
	b := append(e.buf[:0], `{"topic":`...)
	b = appendString(b, r.Topic)
	b = strconv.AppendInt(append(b, `,"partition":`...), int64(r.Partition), 10)
	b = strconv.AppendInt(append(b, `,"offset":`...), r.Offset, 10)
	if ms := r.Timestamp.UnixMilli(); ms >= 0 { // below: the record has none
		b = strconv.AppendInt(append(b, `,"timestamp":`...), ms, 10)
	}
	if r.Key != nil {
		b = appendBytes(append(b, `,"key":`...), r.Key)
	}
	if shuffled {
		b = appendNames(b, r.Headers)
	}
	if odd {
		b = e.appendOdd(b, r.Headers)
	}
	b = append(b, '}')
	e.buf = b
	return string(b)
}

// appendNames writes the names in their order.
func appendNames(b []byte, headers []kgo.RecordHeader) []byte {
	b = append(b, `,"names":[`...)
	n := 0
	for i := range headers {
		if name := headers[i].Key; !strings.HasPrefix(name, reserved) {
			b = appendString(appendComma(b, n), name)
			n++
		}
	}
	return append(b, ']')
}

// appendOdd writes the values of names that repeat or are null. It sorts, so
// that a record of nothing but odd headers costs no more than others.
func (e *RecordEncoder) appendOdd(b []byte, headers []kgo.RecordHeader) []byte {
	e.order = append(e.order[:0], headers...)
	slices.SortStableFunc(e.order, func(a, b kgo.RecordHeader) int { return strings.Compare(a.Key, b.Key) })
	b = append(b, `,"values":{`...)
	written := 0
	for rest := e.order; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Key == rest[0].Key {
			n++
		}
		same := rest[:n]
		rest = rest[n:]
		if n == 1 && same[0].Value != nil || strings.HasPrefix(same[0].Key, reserved) {
			continue
		}
		b = appendName(appendComma(b, written), same[0].Key)
		b = appendAll(b, same)
		written++
	}
	clear(e.order)
	return append(b, '}')
}

func appendAll(b []byte, headers []kgo.RecordHeader) []byte {
	b = append(b, '[')
	for i := range headers {
		b = appendComma(b, i)
		if headers[i].Value == nil {
			b = append(b, "null"...)
		} else {
			b = appendBytes(b, headers[i].Value)
		}
	}
	return append(b, ']')
}

package kafka

import (
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/kafka/internal/span"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/ordering/failpoint"
)

// perRecord is what a record costs in memory beside key, value and headers,
// roughly.
const perRecord = 512

// take makes a carrier of the records of one partition.
func (m *member) take(p kgo.FetchTopicPartition) {
	sessions := m.pick([]int32{p.Partition})
	if len(sessions) == 0 || len(p.Records) == 0 {
		return
	}
	s := sessions[0]
	places := make([]span.Place, len(p.Records))
	sizes := make([]int64, len(p.Records))
	msgs := make([]*message.Message, 0, len(p.Records))
	for i, r := range p.Records {
		places[i] = span.Place{Offset: r.Offset, Epoch: r.LeaderEpoch}
		if r.Attrs.IsControl() {
			continue
		}
		failpoint.Hit(failpoint.Recv)
		sizes[i] = weight(r)
		msgs = append(msgs, m.record.message(r))
		failpoint.Hit(failpoint.Decoded)
	}
	tokens, bytes := s.take(places, sizes, make([]uint64, 0, len(msgs)))
	m.load.open.Add(int64(len(tokens)))
	m.load.bytes.Add(bytes)
	if len(tokens) > 0 {
		m.pending.add(&broker.Carrier{Messages: msgs, Tokens: tokens, Session: s}, s)
	} else {
		signal(m.dirty) // the end of a transaction is committed past
	}
	m.cap(s)
}

func weight(r *kgo.Record) int64 {
	n := perRecord + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return int64(n)
}

// decoder makes messages of records. It cannot fail.
type decoder struct{ sidecar.RecordEncoder }

// message returns a record as a message. Its id may be empty; its payload is nil
// for a null value. The value is copied: what the client hands over is a piece of
// a whole response, and one message that waits would keep all of it in memory.
func (d *decoder) message(r *kgo.Record) *message.Message {
	md := d.Encode(r)
	m := &message.Message{UUID: identity(md), Metadata: md}
	if r.Value != nil && !d.wasNull(r) {
		m.Payload = append(make([]byte, 0, len(r.Value)), r.Value...)
	}
	return m
}

// wasNull reports whether an empty value came from a broker without nulls.
func (d *decoder) wasNull(r *kgo.Record) bool {
	return len(r.Value) == 0 && !d.TrustNone && slices.ContainsFunc(r.Headers, func(h kgo.RecordHeader) bool {
		return h.Key == broker.HeaderNullBody
	})
}

// identity is what the producer called the message, most deliberate name first.
func identity(md message.Metadata) string {
	if id := md[broker.HeaderMessageID]; id != "" {
		return id
	}
	return md[broker.HeaderWatermillID]
}

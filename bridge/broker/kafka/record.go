package kafka

import (
	"slices"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/config"
)

// maxAhead is how far the time of a record may lie in the future: what brokers
// allow by default.
const maxAhead = time.Hour

// writer makes records of messages, out of memory that it reuses. What it made
// is good until the next reset.
type writer struct {
	records []kgo.Record
	sidecar.RecordDecoder
}

// write makes a record of each message, with the time of now if told so; a
// message of which none can be made gets its error, and an empty record.
func (w *writer) write(t *Target, topic string, msgs []*message.Message, now bool, errs []error) {
	w.reset(msgs)
	for i, m := range msgs {
		errs[i] = w.record(&w.records[i], t, topic, m, now)
	}
	w.chunks(t, msgs, errs)
}

// record fills in a record: as it was if it came from Kafka, and otherwise with
// a header for every metadata entry, by name. A nil payload is a null value.
func (w *writer) record(r *kgo.Record, t *Target, topic string, m *message.Message, now bool) error {
	topic, err := t.destination(topic, m)
	if err != nil {
		return err
	}
	original, _ := w.Restore(m.Metadata) // of a sidecar that cannot be read, the texts
	key, err := w.key(t, m, original.Key)
	if err != nil {
		return err
	}
	*r = kgo.Record{Topic: topic, Key: key, Value: m.Payload, Headers: original.Headers}
	w.time(r, original.Timestamp, now || t.opts.Late != nil && t.opts.Late(m))
	if _, there := m.Metadata[broker.HeaderWatermillID]; !there && t.to.Headers == config.HeadersText && m.UUID != "" {
		r.Headers = w.with(r.Headers, broker.HeaderWatermillID, m.UUID)
	}
	return nil
}

// time gives a record the time it had, unless it is to be now, or Kafka would
// not take it. Zero is now.
func (w *writer) time(r *kgo.Record, original time.Time, now bool) {
	switch {
	case original.UnixMilli() < 0:
	case now, original.After(time.Now().Add(maxAhead)):
		r.Headers = w.with(r.Headers, broker.HeaderSourceTime, original.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	default:
		r.Timestamp = original
	}
}

func (w *writer) key(t *Target, m *message.Message, original []byte) ([]byte, error) {
	if t.opts.Key == nil {
		if key, ok := m.Metadata[broker.HeaderKey]; ok {
			return w.Bytes(key), nil
		}
		return original, nil
	}
	key, ok, err := t.opts.Key(m)
	if err != nil || !ok {
		return nil, err
	}
	return w.Bytes(key), nil
}

// with returns the headers with one more, before those of later names.
func (w *writer) with(headers []kgo.RecordHeader, name, value string) []kgo.RecordHeader {
	headers = slices.DeleteFunc(headers, func(h kgo.RecordHeader) bool { return h.Key == name })
	at := slices.IndexFunc(headers, func(h kgo.RecordHeader) bool { return h.Key > name })
	if at < 0 {
		at = len(headers)
	}
	return slices.Insert(headers, at, kgo.RecordHeader{Key: name, Value: w.Bytes(value)})
}

// reset makes room for all, at once: growing would leave the first records
// behind in memory of their own.
func (w *writer) reset(msgs []*message.Message) {
	headers, size := 0, 0
	for _, m := range msgs {
		headers += len(m.Metadata)
		for _, v := range m.Metadata {
			size += len(v)
		}
		size += len(m.Metadata[broker.HeaderKey])
	}
	w.records = slices.Grow(w.records[:0], len(msgs))[:len(msgs)]
	w.Reset(headers, size)
}

// forget lets go of the messages, which a pooled writer must not keep.
func (w *writer) forget() {
	clear(w.records)
	w.Reset(0, 0)
}

package kafka

import (
	"maps"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// writer makes records of messages, out of memory that it reuses. What it made
// is good until the next reset.
type writer struct {
	records []kgo.Record
	headers []kgo.RecordHeader
	bytes   []byte
	names   []string // of the last message's headers, in order
}

// write makes a record of each message. Every metadata entry is a header, in
// the order of their names. A nil payload is a null value.
func (w *writer) write(topic string, msgs []*message.Message) []kgo.Record {
	w.reset(msgs)
	for i, m := range msgs {
		w.records[i] = kgo.Record{
			Topic:   topic,
			Key:     w.key(m),
			Value:   m.Payload,
			Headers: w.headersOf(m.Metadata),
		}
	}
	return w.records
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
	w.headers = slices.Grow(w.headers[:0], headers)
	w.bytes = slices.Grow(w.bytes[:0], size)
}

// forget lets go of the messages, which a pooled writer must not keep.
func (w *writer) forget() {
	clear(w.records)
	clear(w.headers[:cap(w.headers)])
	if cap(w.bytes) > 1<<20 {
		w.bytes = nil
	}
}

func (w *writer) key(m *message.Message) []byte {
	key, ok := m.Metadata[broker.HeaderKey]
	if !ok {
		return nil
	}
	return w.copy(key)
}

func (w *writer) copy(s string) []byte {
	begin := len(w.bytes)
	w.bytes = append(w.bytes, s...)
	return w.bytes[begin:len(w.bytes):len(w.bytes)]
}

func (w *writer) headersOf(md message.Metadata) []kgo.RecordHeader {
	if !w.sameNames(md) {
		w.names = slices.AppendSeq(w.names[:0], maps.Keys(md))
		slices.Sort(w.names)
	}
	begin := len(w.headers)
	for _, name := range w.names {
		w.headers = append(w.headers, kgo.RecordHeader{Key: name, Value: w.copy(md[name])})
	}
	return w.headers[begin:len(w.headers):len(w.headers)]
}

// sameNames saves the sorting: most messages of a queue have the same headers.
func (w *writer) sameNames(md message.Metadata) bool {
	if len(md) != len(w.names) {
		return false
	}
	for _, name := range w.names {
		if _, ok := md[name]; !ok {
			return false
		}
	}
	return true
}

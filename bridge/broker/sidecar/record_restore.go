package sidecar

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// OriginalRecord is a record as Kafka knew it, without its value.
type OriginalRecord struct {
	// Known says that there was a sidecar. Without one, there are only headers.
	Known bool

	Topic     string
	Partition int32
	Offset    int64
	Timestamp time.Time // in milliseconds; zero: the record had none
	Key       []byte    // nil: null
	Headers   []kgo.RecordHeader
}

// RestoreRecord rebuilds what RecordEncoder.Encode was given. Metadata without a
// sidecar is all headers, by name; a sidecar that cannot be read is an error,
// and the rest is returned as if there were none.
func RestoreRecord(md message.Metadata) (OriginalRecord, error) {
	return new(RecordDecoder).Restore(md)
}

// RecordDecoder restores records out of memory that it reuses: what it returned
// is good until Reset. The zero value is ready. One goroutine at a time.
type RecordDecoder struct {
	headers []kgo.RecordHeader
	bytes   []byte
	names   []string // of the last texts, in order
}

// maxKept is how many bytes are reused, at most.
const maxKept = 1 << 20

// Reset makes room for so many headers and bytes, and gives up what was
// returned before.
func (d *RecordDecoder) Reset(headers, bytes int) {
	clear(d.headers)
	if cap(d.bytes) > maxKept {
		d.bytes = nil
	}
	d.headers = slices.Grow(d.headers[:0], headers)
	d.bytes = slices.Grow(d.bytes[:0], bytes)
}

// Restore is RestoreRecord.
func (d *RecordDecoder) Restore(md message.Metadata) (OriginalRecord, error) {
	var o OriginalRecord
	text, known := md[broker.HeaderKafka]
	if !known {
		o.Headers = d.restoreHeaders(md, &recordForm{})
		return o, nil
	}
	f, err := readRecord(text)
	if err != nil {
		err = fmt.Errorf("read header %s: %w", broker.HeaderKafka, err)
		f = recordForm{}
	}
	o = f.OriginalRecord
	o.Headers = d.restoreHeaders(md, &f)
	return o, err
}

// restoreHeaders joins the texts with what the sidecar says of them.
func (d *RecordDecoder) restoreHeaders(md message.Metadata, f *recordForm) []kgo.RecordHeader {
	begin := len(d.headers)
	if len(f.names) == 0 && len(f.values) == 0 {
		d.sort(md)
		for _, name := range d.names {
			d.headers = append(d.headers, kgo.RecordHeader{Key: name, Value: d.Bytes(md[name])})
		}
	} else {
		d.restoreOdd(md, f)
	}
	return slices.Clip(d.headers[begin:])
}

// restoreOdd writes the headers in the order of the listed names, and then what
// is left, by name.
func (d *RecordDecoder) restoreOdd(md message.Metadata, f *recordForm) {
	left := make(map[string][][]byte, len(md)+len(f.values))
	for name, text := range md {
		if !apart(name) {
			left[name] = [][]byte{d.Bytes(text)}
		}
	}
	for name, values := range f.values {
		if matches(md, name, values) {
			left[name] = values
		}
	}
	for _, name := range f.names {
		if values := left[name]; len(values) > 0 {
			d.headers = append(d.headers, kgo.RecordHeader{Key: name, Value: values[0]})
			left[name] = values[1:]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		for _, v := range left[name] {
			d.headers = append(d.headers, kgo.RecordHeader{Key: name, Value: v})
		}
	}
}

// matches reports whether the values of a header are still those of its text.
func matches(md message.Metadata, name string, values [][]byte) bool {
	if len(values) == 0 || strings.HasPrefix(name, reserved) {
		return false
	}
	text, there := md[name]
	last := values[len(values)-1]
	return there == (last != nil) && text == string(last)
}

// apart reports whether a metadata entry is no header of a record.
func apart(name string) bool {
	return name == broker.HeaderKafka || name == broker.HeaderUndecodable
}

// sort puts the names of the texts in order. It saves the sorting where they are
// those of the last message, as they mostly are.
func (d *RecordDecoder) sort(md message.Metadata) {
	if d.sameNames(md) {
		return
	}
	d.names = d.names[:0]
	for name := range md {
		if !apart(name) {
			d.names = append(d.names, name)
		}
	}
	slices.Sort(d.names)
}

func (d *RecordDecoder) sameNames(md message.Metadata) bool {
	n := len(d.names)
	for _, name := range [...]string{broker.HeaderKafka, broker.HeaderUndecodable} {
		if _, there := md[name]; there {
			n++
		}
	}
	if len(md) != n {
		return false
	}
	for _, name := range d.names {
		if _, there := md[name]; !there {
			return false
		}
	}
	return true
}

// Bytes returns the bytes of a text out of the same memory, never nil: an empty
// key or header is not null.
func (d *RecordDecoder) Bytes(s string) []byte {
	if d.bytes == nil {
		d.bytes = make([]byte, 0, max(64, len(s)))
	}
	begin := len(d.bytes)
	d.bytes = append(d.bytes, s...)
	return d.bytes[begin:len(d.bytes):len(d.bytes)]
}

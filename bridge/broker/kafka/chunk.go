package kafka

import (
	"context"
	"errors"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/policies"
)

// errApart is the error of a message that would not be in one batch with the one
// before it in its chunk. It was not sent.
var errApart = errors.New("not published: the batch has no room for it beside the message before it")

// perHeader is what a record or a header takes beside its bytes, at most.
const perHeader = 32

// chunk is consecutive records of one key on their way. They are in one batch,
// which Kafka takes or refuses as a whole: what would begin another one is not
// sent. It travels as the context of its records, to where they are partitioned.
type chunk struct {
	context.Context
	id        any
	next      int // the place of the record that may follow
	head      *kgo.Record
	last      *kgo.Record // the last one that is in the batch, and the one before it
	before    *kgo.Record
	partition int
	room      int  // bytes
	broken    bool // nothing more goes into the batch
	over      bool // apart has passed the last one
}

// TakesChunks says that messages may share a call with those before them in
// their chunk.
func (t *Target) TakesChunks() {}

// chunks puts the records of each chunk together. A message whose predecessor is
// not the one before it gets an error.
func (w *writer) chunks(t *Target, msgs []*message.Message, errs []error) {
	if t.opts.Chunk == nil {
		return
	}
	var c *chunk
	for i, m := range msgs {
		id, at := t.opts.Chunk(m)
		r := &w.records[i]
		switch {
		case id == nil:
			c = nil
		case errs[i] != nil:
			c = nil
		case at == 0:
			c = &chunk{Context: context.Background(), id: id, next: 1, head: r, room: int(t.batchLimit(r.Topic, batchBytes)) / 2}
			r.Context = c
		case c != nil && c.id == id && c.next == at:
			c.next++
			r.Context = c
		default:
			c = nil
			errs[i] = policies.As(policies.Interrupted, errApart)
		}
	}
}

// place takes the partition that was picked for a record, or refuses it: -1. It
// is asked again for one that would begin a new batch.
func (c *chunk) place(r *kgo.Record, pick int) int {
	switch {
	case c.broken:
		return -1
	case r == c.head && r == c.last: // it begins a new batch
		c.partition = pick
		return pick
	case r == c.last:
		c.last, c.broken = c.before, true
		return -1
	}
	c.room -= sizeOf(r)
	if r == c.head {
		c.partition = pick
	} else if c.last == nil || pick != c.partition || r.Topic != c.head.Topic || c.room < 0 {
		c.broken = true
		return -1
	}
	c.before, c.last = c.last, r
	return pick
}

// apart reports whether a record was refused by its chunk. It is asked about all
// records, in their order.
func apart(r *kgo.Record) bool {
	c, ok := r.Context.(*chunk)
	if !ok {
		return false
	}
	if r == c.last {
		c.over = true
		return false
	}
	return c.over || c.last == nil && r != c.head
}

// partitioner picks as Kafka's own does, by murmur2 of the key, and keeps chunks
// together.
type partitioner struct{ kgo.Partitioner }

func newPartitioner() kgo.Partitioner { return partitioner{kgo.StickyKeyPartitioner(nil)} }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.Partitioner.ForTopic(topic)}
}

type topicPartitioner struct{ kgo.TopicPartitioner }

func (p topicPartitioner) Partition(r *kgo.Record, n int) int {
	pick := p.TopicPartitioner.Partition(r, n)
	if c, ok := r.Context.(*chunk); ok {
		return c.place(r, pick)
	}
	return pick
}

// OnNewBatch has the client ask again where a record goes that would begin a new
// batch.
func (p topicPartitioner) OnNewBatch() {
	if inner, ok := p.TopicPartitioner.(kgo.TopicPartitionerOnNewBatch); ok {
		inner.OnNewBatch()
	}
}

// sizeOf is how many bytes a record takes, at most.
func sizeOf(r *kgo.Record) int {
	n := perHeader + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += perHeader + len(h.Key) + len(h.Value)
	}
	return n
}

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
var errApart = policies.As(policies.Interrupted,
	errors.New("not published: the batch has no room for it beside the message before it"))

// perHeader is what a record or a header takes beside its bytes, at most.
const perHeader = 32

// chunk is consecutive records of one key on their way. They are in one batch,
// which Kafka takes or refuses as a whole: what would be in another one is not
// sent. It travels as the context of its records, to where they are partitioned.
type chunk struct {
	context.Context
	id      any
	records []kgo.Record // from its head on
	n       int          // how many of these it has
	placed  int          // how many of them are in the batch
	in      *batch
	room    int  // bytes
	broken  bool // nothing more goes into the batch
	asked   int  // how many apart was asked about
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
		case id == nil, errs[i] != nil:
			c = nil
		case at == 0:
			c = &chunk{Context: context.Background(), id: id, records: w.records[i:], n: 1, room: t.room(r.Topic)}
			r.Context = c
		case c.goesOn(id, at, r):
			c.n++
			r.Context = c
		default:
			c = nil
			errs[i] = errApart
		}
	}
}

// goesOn reports whether a record is the next one of the chunk. One without a key
// goes to any partition.
func (c *chunk) goesOn(id any, at int, r *kgo.Record) bool {
	return c != nil && c.id == id && c.n == at && r.Topic == c.records[0].Topic && r.Key != nil
}

// place reports whether a record may go into a batch. It is asked again about one
// that begins it.
func (c *chunk) place(r *kgo.Record, in *batch) bool {
	again := c.placed > 0 && r == &c.records[c.placed-1]
	switch {
	case c.broken:
		return false
	case again && c.placed == 1:
		c.in = in
		return true
	case again:
		c.placed--
		c.broken = true
		return false
	}
	c.room -= sizeOf(r)
	if c.placed == 0 {
		c.in = in
	}
	if r != &c.records[c.placed] || in != c.in || c.placed > 0 && c.room < 0 {
		c.broken = true
		return false
	}
	c.placed++
	return true
}

// apart reports whether a record was refused by its chunk. It is asked about all
// records, in their order.
func apart(r *kgo.Record) bool {
	c, ok := r.Context.(*chunk)
	if !ok {
		return false
	}
	c.asked++
	return c.asked > 1 && c.asked > c.placed
}

// partitioner picks as Kafka's own does, by murmur2 of the key, and keeps chunks
// together.
type partitioner struct{ kgo.Partitioner }

func newPartitioner() kgo.Partitioner { return partitioner{kgo.StickyKeyPartitioner(nil)} }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return &topicPartitioner{TopicPartitioner: p.Partitioner.ForTopic(topic), begun: map[int]*batch{}}
}

// batch stands for the one that was begun last in a partition: another call may
// have begun one since the head of a chunk was put into its own.
type batch struct{ _ byte }

type topicPartitioner struct {
	kgo.TopicPartitioner
	begins bool           // the record that is asked about next begins a batch
	begun  map[int]*batch // by partition
}

// Partition is called by one goroutine at a time.
func (p *topicPartitioner) Partition(r *kgo.Record, n int) int {
	pick := p.TopicPartitioner.Partition(r, n)
	if p.begins || p.begun[pick] == nil {
		p.begins = false
		p.begun[pick] = new(batch)
	}
	if c, ok := r.Context.(*chunk); ok && !c.place(r, p.begun[pick]) {
		return -1
	}
	return pick
}

// OnNewBatch has the client ask again where a record goes that would begin a new
// batch.
func (p *topicPartitioner) OnNewBatch() {
	p.begins = true
	if inner, ok := p.TopicPartitioner.(kgo.TopicPartitionerOnNewBatch); ok {
		inner.OnNewBatch()
	}
}

// room is how many bytes a chunk may have: so few that a batch has room for its
// head whatever else it has to hold. A limit that was raised since does not count;
// the client may still have the old one.
func (t *Target) room(topic string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	least := int32(batchBytes)
	if n := t.least[topic]; n > 0 {
		least = min(least, n)
	}
	return int(least) / 2
}

// sizeOf is how many bytes a record takes, at most.
func sizeOf(r *kgo.Record) int {
	n := perHeader + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += perHeader + len(h.Key) + len(h.Value)
	}
	return n
}

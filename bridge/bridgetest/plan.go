package bridgetest

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
)

// The metadata of messages made here. HeaderKey and HeaderRevision are also where
// key and revision are read from unless Identify says otherwise.
const (
	HeaderKey      = "key"
	HeaderRevision = "revision"
	HeaderPoison   = "bridgetest-poison" // "true" where Options.Poison said so
)

// Stream makes the revisions 1, 2, … of keys "key-1", "key-2", …, as many as it is
// told, first all keys' revision 1, then 2, and so on. A message's id is
// "key-1/1", its body "key-1 revision 1".
func Stream(keys, revisions int) []*message.Message {
	var msgs []*message.Message
	for r := 1; r <= revisions; r++ {
		for k := 1; k <= keys; k++ {
			key := fmt.Sprintf("key-%d", k)
			m := message.NewMessage(fmt.Sprintf("%s/%d", key, r), fmt.Appendf(nil, "%s revision %d", key, r))
			m.Metadata = message.Metadata{HeaderKey: key, HeaderRevision: strconv.Itoa(r)}
			msgs = append(msgs, m)
		}
	}
	return msgs
}

// At finds one revision of a key by the metadata [HeaderKey] and
// [HeaderRevision], for Options.Drop and Options.Poison.
func At(key string, r lane.Revision) func(*message.Message) bool {
	revision := strconv.FormatInt(int64(r), 10)
	return func(m *message.Message) bool {
		return m.Metadata[HeaderKey] == key && m.Metadata[HeaderRevision] == revision
	}
}

// Poisoned reports whether Options.Poison marked a message: a handler under test
// should fail on it. The mark is in its metadata, and so also in its dead letter.
func Poisoned(m *message.Message) bool { return m.Metadata[HeaderPoison] == "true" }

// byHeaders reads key and revision where Stream puts them.
func byHeaders(m *message.Message) (ordering.ID, error) {
	return ordering.By{
		Key:      []ordering.Field{ordering.Header(HeaderKey)},
		Revision: ordering.Header(HeaderRevision),
	}.Identify(m)
}

// plan is what shall be handed out, in order: a function of the options alone.
func plan(o *Options) []*entry {
	rng := rand.New(rand.NewPCG(o.Seed, 0))
	var all []*entry
	for _, m := range o.Messages {
		e := o.entry(m)
		all = append(all, &e)
		if rng.Float64() < o.Duplicates {
			again := e
			all = append(all, &again)
		}
	}
	displace(rng, all, o.Shuffle)
	return all
}

// entry is a message as the options want it.
func (o *Options) entry(m *message.Message) entry {
	m = copied(m)
	if o.Poison != nil && o.Poison(m) {
		m.Metadata[HeaderPoison] = "true"
	}
	id, err := o.Identify(m)
	return entry{msg: m, id: id, known: err == nil, dropped: o.Drop != nil && o.Drop(m)}
}

// copied keeps what a handler does to a message apart from what is kept.
func copied(m *message.Message) *message.Message {
	c := m.Copy()
	c.Payload = bytes.Clone(m.Payload)
	return c
}

// displace moves each entry by so many places at most, and numbers them.
func displace(rng *rand.Rand, all []*entry, by int) {
	for i, e := range all {
		e.seq = i + rng.IntN(max(0, by)+1)
	}
	slices.SortStableFunc(all, bySeq)
	for i, e := range all {
		e.seq = i
	}
}

func bySeq(a, b *entry) int { return cmp.Compare(a.seq, b.seq) }

package stream

import "math/rand/v2"

// Cast are the messages that go wrong, each on a key of its own, so that what
// becomes of one is not mixed with what becomes of another.
type Cast struct {
	Refused Place   // larger than the topic takes: Kafka refuses it, however often it is sent
	Never   Place   // lost for good
	Late    []Place // lost, and sent again only at the very end

	Conflict   Place  // a second message claims this revision, with other content
	Unnumbered string // the key of a message without a revision
	Corrupt    string // the key of a message whose revision is garbage: CorruptRevision
}

// CorruptRevision is a number that a bit error makes of revision 31.
const CorruptRevision = "4611686018427387935"

// newCast gives each part a key, and a revision early or late in it.
func newCast(set Settings, last map[string]int64, rng *rand.Rand) Cast {
	keys := rng.Perm(set.Keys)
	next := func() string {
		k := KeyName(keys[0])
		keys = keys[1:]
		return k
	}
	at := func(share float64) Place {
		k := next()
		return Place{k, max(2, int64(share*float64(last[k])))}
	}
	c := Cast{Refused: at(0.25), Never: at(0.35)}
	for i := range lateRecords {
		c.Late = append(c.Late, at(0.2+0.1*float64(i)))
	}
	c.Conflict, c.Unnumbered, c.Corrupt = at(0.5), next(), next()
	return c
}

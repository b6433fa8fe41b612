package rows

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
)

// texts are those that a log of tries has said so far. One that comes again is
// written as its number: most messages fail each time for the same reason.
type texts struct{ said []string }

// textsOf begins with what the story of the tries has said already.
func textsOf(t *store.Tries) *texts { return &texts{[]string{t.Class, t.Error}} }

// append writes 0 and a text that is new, or the number of one that was said.
func (x *texts) append(dst []byte, s string) []byte {
	if at := slices.Index(x.said, s); at >= 0 {
		return binary.AppendUvarint(dst, uint64(at)+1)
	}
	x.said = append(x.said, s)
	return appendString(append(dst, 0), s)
}

func (x *texts) read(r *reader, what string) string {
	at := r.uvarint(what)
	switch {
	case at == 0:
		x.said = append(x.said, r.string(what))
		return x.said[len(x.said)-1]
	case at > uint64(len(x.said)):
		r.fail(what)
		return ""
	}
	return x.said[at-1]
}

func appendLog(dst []byte, t *store.Tries) []byte {
	dst = binary.AppendUvarint(dst, uint64(t.Log.Omitted))
	dst = binary.AppendUvarint(dst, uint64(t.Log.Redrives))
	said := textsOf(t)
	for _, tries := range [...][]store.Try{t.Log.First, t.Log.Last} {
		dst = binary.AppendUvarint(dst, uint64(len(tries)))
		for i := range tries {
			dst = appendTry(dst, &tries[i], said)
		}
	}
	return dst
}

func readLog(r *reader, t *store.Tries) {
	t.Log = &store.TryLog{Omitted: r.natural("omitted tries"), Redrives: r.natural("redrives")}
	said := textsOf(t)
	for _, tries := range [...]*[]store.Try{&t.Log.First, &t.Log.Last} {
		for range r.count("tries") {
			*tries = append(*tries, readTry(r, said))
			if r.bad != "" {
				return
			}
		}
	}
}

func appendTry(dst []byte, t *store.Try, said *texts) []byte {
	dst = appendTime(dst, t.At)
	dst = binary.AppendVarint(dst, int64(t.Took))
	dst = said.append(dst, t.Class)
	dst = said.append(dst, t.Error)
	dst = binary.AppendUvarint(dst, uint64(t.Redrives))
	if t.Trace == (store.Trace{}) {
		return append(dst, 0)
	}
	return append(append(append(dst, 1), t.Trace.ID[:]...), t.Trace.Span[:]...)
}

func readTry(r *reader, said *texts) (t store.Try) {
	t.At = r.time("tried at")
	t.Took = time.Duration(r.varint("took"))
	t.Class = said.read(r, "class of a try")
	t.Error = said.read(r, "error of a try")
	t.Redrives = r.natural("redrives before a try")
	switch r.byte("trace") {
	case 0:
	case 1:
		copy(t.Trace.ID[:], r.take(uint64(len(t.Trace.ID)), "trace"))
		copy(t.Trace.Span[:], r.take(uint64(len(t.Trace.Span)), "span"))
	default:
		r.fail("trace")
	}
	return t
}

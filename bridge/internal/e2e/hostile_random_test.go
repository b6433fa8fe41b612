package e2e_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"regexp"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fuzzer draws what may be in a message, and says what is to become of it.
type fuzzer struct{ *rand.Rand }

func (f fuzzer) bytes() string {
	b := make([]byte, f.IntN(40))
	for i := range b {
		b[i] = byte(f.Uint32())
	}
	return string(b)
}

var pieces = []string{"1", "0", "9", "23", "-", "+", ".", "e", " ", "_", "x", "\x00", "\n", "٣", "99999999999999999999", "00000000000000000000"}

// revision is digits or anything that looks a little like it.
func (f fuzzer) revision() (text string) {
	if f.IntN(3) == 0 {
		return fmt.Sprint(f.IntN(10_000))
	}
	for range 1 + f.IntN(4) {
		text += pieces[f.IntN(len(pieces))]
	}
	return text
}

var (
	wholeNumber = regexp.MustCompile(`^[0-9]+$`)
	mostOfAll   = new(big.Int).SetUint64(1<<63 - 1)
)

// judgeNumber says what becomes of the first message of a key by its revision: it is
// delivered, waits for those before it, or cannot be one.
func judgeNumber(h *hostile, text string) {
	n, ok := new(big.Int).SetString(text, 10)
	switch {
	case text == "":
		h.reason = "revision_missing"
	case !wholeNumber.MatchString(text), !ok, n.Cmp(mostOfAll) > 0, n.Sign() == 0:
		h.reason = "revision_invalid"
	default:
		h.parked = n.Cmp(big.NewInt(1)) > 0 // the last number of all is not drawn
	}
}

func (f fuzzer) value(depth int) any {
	switch f.IntN(10 + min(depth, 2)*2) {
	case 0:
		return nil
	case 1:
		return f.IntN(2) == 0
	case 2:
		return int64(f.Uint64())
	case 3:
		return int32(f.Uint32())
	case 4:
		return f.NormFloat64()
	case 5:
		return []byte(f.bytes())
	case 6:
		return time.Unix(int64(f.Uint64()>>f.IntN(64)), 0)
	case 7:
		return amqp.Decimal{Scale: uint8(f.Uint32()), Value: int32(f.Uint32())}
	case 10, 11:
		return []any{f.value(depth - 1), f.value(depth - 1)}
	case 12, 13:
		return amqp.Table{f.bytes(): f.value(depth - 1)}
	}
	return f.bytes()
}

// randomDeliveries are such messages for a queue.
func randomDeliveries(rng *rand.Rand, n int) (all []hostile) {
	f := fuzzer{rng}
	for i := range n {
		rev := f.revision()
		h := aHostile(fmt.Sprint("random ", i), "", func(p *amqp.Publishing) {
			for range f.IntN(8) {
				p.Headers["x"+f.bytes()] = f.value(3)
			}
			p.Headers["revision"], p.Headers["key"] = rev, fmt.Sprint(i, f.bytes())
			p.Body, p.CorrelationId, p.ContentType = []byte(f.bytes()), f.bytes(), f.bytes()
			p.Priority = uint8(f.Uint32())
		})
		judgeNumber(&h, rev)
		all = append(all, h)
	}
	return all
}

// randomRecords are such messages for a topic.
func randomRecords(rng *rand.Rand, n int) (all []hostile) {
	f := fuzzer{rng}
	maybe := func() []byte {
		if f.IntN(5) == 0 {
			return nil
		}
		return []byte(f.bytes())
	}
	for i := range n {
		rev := f.revision()
		h := replacing(fmt.Sprint("random ", i), "revision", []byte(rev), "")
		h.r.Key, h.r.Value, h.r.Headers[1].Value = maybe(), maybe(), fmt.Append(nil, i, f.bytes())
		for range f.IntN(8) {
			name := "x" + f.bytes()
			for range 1 + f.IntN(3) {
				h.r.Headers = append(h.r.Headers, kgo.RecordHeader{Key: name, Value: maybe()})
			}
		}
		judgeNumber(&h, rev)
		all = append(all, h)
	}
	return all
}

package roundtrip_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	rabbit "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

// some draws messages of all that a broker can hold.
type some struct{ *rand.Rand }

// newSome says its seed if the test fails.
func newSome(t testing.TB) some {
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the seed was %d", seed)
		}
	})
	return some{rand.New(rand.NewPCG(seed, 0))}
}

// oneIn is true once in n times.
func (s some) oneIn(n int) bool { return s.IntN(n) == 0 }

func (s some) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.Uint32())
	}
	return b
}

var alphabet = []string{"a", "B", "7", " ", ".", `"`, `\`, "é", "\u2028", "日", "{", "\x01", "\n"}

// text is short, mostly, and often odd.
func (s some) text() string {
	switch s.IntN(12) {
	case 0:
		return ""
	case 1:
		return string(s.bytes(1 + s.IntN(9))) // no UTF-8, mostly
	case 2:
		return strings.Repeat("x", s.IntN(2000))
	}
	var b strings.Builder
	for range 1 + s.IntN(8) {
		b.WriteString(alphabet[s.IntN(len(alphabet))])
	}
	return b.String()
}

// name is of few, so that names repeat, and sometimes of all.
func (s some) name() string {
	if s.oneIn(4) {
		name := s.text()
		if strings.HasPrefix(name, "bridge-") {
			return "not" + name
		}
		return name
	}
	return []string{"a", "b", "c", "trace.id", "base64:eA==", "types", "values", "CC", "content-type", "é"}[s.IntN(10)]
}

func (s some) body() []byte {
	if s.oneIn(8) {
		return []byte{}
	}
	return s.bytes(s.IntN(300))
}

// short is a text that AMQP has room for in a property.
func (s some) short() string {
	if s.oneIn(2) {
		return ""
	}
	v := s.text()
	return v[:min(len(v), 255)]
}

// publishing is a message as RabbitMQ may hold it; n tells it from others.
func (s some) publishing(n int) rabbit.Publishing {
	p := rabbit.Publishing{
		ContentType: s.short(), ContentEncoding: s.short(), CorrelationId: s.short(), ReplyTo: s.short(),
		MessageId: s.short(), Type: s.short(), AppId: s.short(),
		DeliveryMode: uint8(s.IntN(3)), Priority: uint8(s.IntN(10)), Body: s.body(),
	}
	if s.oneIn(3) {
		p.Expiration = fmt.Sprint(1_000_000 + s.IntN(1000))
	}
	if s.oneIn(5) {
		p.UserId = "guest" // RabbitMQ believes no other
	}
	if s.oneIn(2) {
		p.Timestamp = time.Unix(s.Int64N(1<<33), 0)
	}
	p.Headers = s.table(0)
	p.Headers["n"] = fmt.Sprint(n)
	return p
}

func (s some) table(depth int) rabbit.Table {
	t := rabbit.Table{}
	for range s.IntN(7) {
		name := s.name()
		name = name[:min(len(name), 255)]
		if name == "CC" && depth == 0 {
			t[name] = []any{"no such queue"} // RabbitMQ takes nothing else
			continue
		}
		t[name] = s.value(depth + 1)
	}
	return t
}

// value is of any type that a header may have.
func (s some) value(depth int) any {
	kinds := 19
	if depth > 5 {
		kinds = 16
	}
	switch s.IntN(kinds) {
	case 0:
		return nil
	case 1, 2:
		return s.text()
	case 3:
		return s.oneIn(2)
	case 4:
		return int8(s.Uint32())
	case 5:
		return uint8(s.Uint32())
	case 6:
		return int16(s.Uint32())
	case 7:
		return uint16(s.Uint32())
	case 8:
		return int32(s.Uint32())
	case 9:
		return s.Uint32()
	case 10:
		return int64(s.Uint64())
	case 11:
		return s.float()
	case 12:
		return float32(s.float())
	case 13:
		return s.bytes(s.IntN(20))
	case 14:
		return rabbit.Decimal{Scale: uint8(s.Uint32()), Value: int32(s.Uint32())}
	case 15:
		return time.Unix(int64(s.Uint64()>>s.IntN(64)), 0)
	case 16, 17:
		list := make([]any, s.IntN(4))
		for i := range list {
			list[i] = s.value(depth + 1)
		}
		return list
	}
	return s.table(depth)
}

// float is finite: RabbitMQ takes no other.
func (s some) float() float64 {
	for {
		f := []float64{s.NormFloat64(), float64(float32(s.NormFloat64())), math.Float64frombits(s.Uint64()), 1, 0.1, 0}[s.IntN(6)]
		if !math.IsNaN(float64(float32(f))) && !math.IsInf(float64(float32(f)), 0) {
			return f
		}
	}
}

// record is a record as Kafka may hold it; n tells it from others.
func (s some) record(n int) *kgo.Record {
	r := &kgo.Record{Key: s.maybe(), Value: s.maybe()}
	if s.oneIn(2) {
		r.Timestamp = time.UnixMilli(s.Int64N(time.Now().UnixMilli()))
	}
	for range s.IntN(8) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: s.name(), Value: s.maybe()})
	}
	at := s.IntN(len(r.Headers) + 1)
	own := kgo.RecordHeader{Key: "n", Value: []byte(fmt.Sprint(n))}
	r.Headers = append(r.Headers[:at:at], append([]kgo.RecordHeader{own}, r.Headers[at:]...)...)
	return r
}

// maybe is null, empty or something.
func (s some) maybe() []byte {
	switch s.IntN(6) {
	case 0:
		return nil
	case 1:
		return []byte{}
	case 2:
		return s.body()
	}
	return []byte(s.text())
}

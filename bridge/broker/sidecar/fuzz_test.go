package sidecar_test

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
)

// FuzzRoundTrip builds a table from bytes and asks for it back.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("\x00a\x01bc\x02def\x0d"), "exchange", "\xff")
	f.Add([]byte{9, 1, 14, 2, 14, 13, 255, 3, 10, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f}, "", "")
	f.Fuzz(func(t *testing.T, raw []byte, exchange, id string) {
		g := &generator{raw: raw}
		d := amqp.Delivery{Headers: g.table(0), Exchange: exchange, MessageId: id, AppId: id}
		var e sidecar.Encoder
		md := e.Encode(&d)
		if again := e.Encode(&d); again["bridge-amqp"] != md["bridge-amqp"] {
			t.Fatalf("two sidecars of one message: %s and %s", md["bridge-amqp"], again["bridge-amqp"])
		}
		o, err := sidecar.Restore(md)
		if err != nil {
			t.Fatalf("%v: %s", err, md["bridge-amqp"])
		}
		if o.Exchange != exchange || o.MessageId != id || o.AppId != id || !brokertest.Same(o.Headers, d.Headers) {
			t.Fatalf("%#v came back as %#v", d.Headers, o.Headers)
		}
	})
}

// FuzzRestore asks that no sidecar, however forged, does harm.
func FuzzRestore(f *testing.F) {
	f.Add(`{"exchange":"","routing-key":"q","types":{"h":"l"},"values":{"t":{"F":{"a":{"A":[null,{"D":[1,2]}]}}}}}`, "17")
	f.Add(`{"values":{"t":{"d":"7ff8"}},"content-type":{"S":"/w=="},"timestamp":1}`, "")
	f.Fuzz(func(_ *testing.T, text, header string) {
		o, err := sidecar.Restore(message.Metadata{"bridge-amqp": text, "h": header})
		if err == nil {
			var e sidecar.Encoder
			e.Encode(&amqp.Delivery{Headers: o.Headers})
		}
	})
}

// generator reads values off bytes.
type generator struct{ raw []byte }

func (g *generator) bytes(n int) []byte {
	out := make([]byte, n)
	g.raw = g.raw[copy(out, g.raw):]
	return out
}

func (g *generator) word() uint64 { return binary.LittleEndian.Uint64(g.bytes(8)) }

func (g *generator) text() string { return string(g.bytes(int(g.bytes(1)[0] % 16))) }

func (g *generator) table(depth int) amqp.Table {
	t := amqp.Table{}
	for range g.bytes(1)[0] % 8 {
		if name := g.text(); len(name) < 7 || name[:7] != "bridge-" {
			t[name] = g.value(depth + 1)
		}
	}
	return t
}

func (g *generator) value(depth int) any {
	kind := g.bytes(1)[0] % 16
	if depth > 5 && kind > 13 {
		kind = 0
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return g.text()
	case 2:
		return g.word()%2 == 0
	case 3:
		return int8(g.word())
	case 4:
		return uint8(g.word())
	case 5:
		return int16(g.word())
	case 6:
		return uint16(g.word())
	case 7:
		return int32(g.word())
	case 8:
		return uint32(g.word())
	case 9:
		return int64(g.word())
	case 10:
		return math.Float64frombits(g.word())
	case 11:
		return math.Float32frombits(uint32(g.word()))
	case 12:
		return []byte(g.text())
	case 13:
		return amqp.Decimal{Scale: uint8(g.word()), Value: int32(g.word())}
	case 14:
		list := make([]any, g.bytes(1)[0]%5)
		for i := range list {
			list[i] = g.value(depth + 1)
		}
		return list
	}
	if g.word()%2 == 0 {
		return time.Unix(int64(g.word()), 0)
	}
	return g.table(depth)
}

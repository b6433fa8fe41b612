package sidecar_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
)

// FuzzRecordRoundTrip builds a record from bytes and asks for it back.
func FuzzRecordRoundTrip(f *testing.F) {
	f.Add([]byte("\x05\x01a\x03\x01b\x01x\x01a\x00"), "topic", int64(7), int64(1700000000000))
	f.Add([]byte{3, 2, 0xff, 0xfe, 0, 0, 1, 0, 1, 'v'}, "\xff", int64(-1), int64(-1))
	f.Fuzz(func(t *testing.T, raw []byte, topic string, offset, at int64) {
		g := &generator{raw: raw}
		r := &kgo.Record{Topic: topic, Offset: offset, Partition: int32(offset), Timestamp: time.UnixMilli(at)}
		r.Key = g.maybe()
		for range g.bytes(1)[0] % 9 {
			if name := string(g.maybe()); len(name) < 7 || name[:7] != "bridge-" {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: g.maybe()})
			}
		}
		var e sidecar.RecordEncoder
		md := e.Encode(r)
		if !json.Valid([]byte(md["bridge-kafka"])) {
			t.Fatalf("this is no JSON: %s", md["bridge-kafka"])
		}
		o, err := sidecar.RestoreRecord(md)
		if err != nil {
			t.Fatalf("%v: %s", err, md["bridge-kafka"])
		}
		if why := differs(r, o); why != "" {
			t.Fatalf("%s: %s", why, md["bridge-kafka"])
		}
	})
}

// maybe returns a few bytes, so few that names repeat, or nil.
func (g *generator) maybe() []byte {
	n := int(g.bytes(1)[0])
	if n == 0 {
		return nil
	}
	if n > 250 {
		return g.bytes(n)
	}
	return g.bytes(n % 3)
}

// FuzzRestoreRecord asks that no sidecar, however forged, does harm.
func FuzzRestoreRecord(f *testing.F) {
	f.Add(`{"topic":"t","partition":3,"offset":123,"timestamp":17,"key":{"S":"/w=="},"names":["h","a"],"values":{"h":[null,"v"]}}`, "v")
	f.Add(`{"names":["h","h","base64:eA=="],"values":{"base64:eA==":["",{"S":""}],"bridge-kafka":[null]}}`, "")
	f.Fuzz(func(t *testing.T, text, header string) {
		o, err := sidecar.RestoreRecord(message.Metadata{"bridge-kafka": text, "h": header})
		found := false
		for _, h := range o.Headers {
			found = found || h.Key == "h"
		}
		if !found {
			t.Fatalf("the header is lost (%v): %s", err, text)
		}
		if err == nil {
			var e sidecar.RecordEncoder
			e.Encode(&kgo.Record{Key: o.Key, Headers: o.Headers})
		}
	})
}

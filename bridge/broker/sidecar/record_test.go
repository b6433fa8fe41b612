package sidecar_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
)

// records are what a topic may hold, odd ones first.
var records = map[string]*kgo.Record{
	"nothing":             {},
	"no key":              {Topic: "t", Partition: 3, Offset: 1<<53 + 1, Timestamp: time.UnixMilli(1700000000123)},
	"empty key":           {Key: []byte{}},
	"binary key":          {Key: []byte("\xff\xfe\x00")},
	"1970":                {Timestamp: time.UnixMilli(0)},
	"null header":         {Headers: headers("b", nil)},
	"empty header":        {Headers: headers("b", "")},
	"binary header":       {Headers: headers("b", "\xff\xfe", "b \xff", "\x00")},
	"nameless header":     {Headers: headers("", "v")},
	"order":               {Headers: headers("b", "1", "a", "2", "c", "3")},
	"repeated":            {Headers: headers("a", "1", "a", "2", "a", "1")},
	"repeated and binary": {Headers: headers("a \xff", "\xff", "a \xff", "\xfe")},
	"repeated, far apart": {Headers: headers("b", "1", "a", "x", "b", "2", "a", "y", "b", "1")},
	"last is null":        {Headers: headers("b", "1", "b", nil)},
	"last is not null":    {Headers: headers("b", nil, "b", "1")},
	"all null":            {Headers: headers("b", nil, "a", nil, "b", nil)},
	"names like ours":     {Headers: headers("base64:eA==", nil, "names", nil, "values", "1", "S", "2")},
	"quotes":              {Topic: "t", Key: []byte("\"\\\x01\u2028<é"), Headers: headers("\"\\\x01", "1", "\"\\\x01", "\"\\\x01")},
}

func headers(pairs ...any) []kgo.RecordHeader {
	var hs []kgo.RecordHeader
	for i := 0; i < len(pairs); i += 2 {
		h := kgo.RecordHeader{Key: pairs[i].(string)}
		if v, ok := pairs[i+1].(string); ok {
			h.Value = []byte(v)
		}
		hs = append(hs, h)
	}
	return hs
}

func TestI9_EveryRecordComesBack(t *testing.T) {
	var e sidecar.RecordEncoder
	for name, r := range records {
		md := e.Encode(r)
		if !json.Valid([]byte(md["bridge-kafka"])) {
			t.Errorf("%s: this is no JSON: %s", name, md["bridge-kafka"])
		}
		o, err := sidecar.RestoreRecord(md)
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, md["bridge-kafka"])
		}
		if why := differs(r, o); why != "" {
			t.Errorf("%s: %s: %s", name, why, md["bridge-kafka"])
		}
		if key, ok := broker.RecordKey(md); key != string(r.Key) || ok != (r.Key != nil) {
			t.Errorf("%s: the key is %q (%v)", name, key, ok)
		}
	}
}

// differs says how a record and what came back of it differ.
func differs(r *kgo.Record, o sidecar.OriginalRecord) string {
	at := r.Timestamp
	if at.UnixMilli() < 0 {
		at = time.Time{}
	}
	switch {
	case !o.Known || o.Topic != r.Topic || o.Partition != r.Partition || o.Offset != r.Offset:
		return fmt.Sprintf("it came from %s/%d@%d (%v)", o.Topic, o.Partition, o.Offset, o.Known)
	case !o.Timestamp.Equal(at.Truncate(time.Millisecond)):
		return fmt.Sprintf("its time is %v, want %v", o.Timestamp, r.Timestamp)
	case !bytes.Equal(o.Key, r.Key) || (o.Key == nil) != (r.Key == nil):
		return fmt.Sprintf("its key is %q, want %q", o.Key, r.Key)
	case !slices.EqualFunc(o.Headers, r.Headers, func(a, b kgo.RecordHeader) bool {
		return a.Key == b.Key && bytes.Equal(a.Value, b.Value) && (a.Value == nil) == (b.Value == nil)
	}):
		return fmt.Sprintf("its headers are %q, want %q", o.Headers, r.Headers)
	}
	return ""
}

func TestRecordsHaveReadableTexts(t *testing.T) {
	var e sidecar.RecordEncoder
	for name, want := range map[string]message.Metadata{
		"null header":      {},
		"empty header":     {"b": ""},
		"repeated":         {"a": "1"},
		"last is null":     {},
		"last is not null": {"b": "1"},
		"binary header":    {"b": "\xff\xfe", "b \xff": "\x00"},
	} {
		md := e.Encode(records[name])
		delete(md, "bridge-kafka")
		if !reflect.DeepEqual(md, want) {
			t.Errorf("%s: texts are %q, want %q", name, md, want)
		}
	}
}

// Whoever edits a header of a record on its way has edited the record.
func TestTextWinsOverTheSidecarOfARecord(t *testing.T) {
	var e sidecar.RecordEncoder
	md := e.Encode(&kgo.Record{Headers: headers(
		"z", "1", "gone", "1", "twice", "a", "same", "a", "twice", "b", "same", "b", "null", nil, "gone twice", "1", "gone twice", "2",
	)})
	delete(md, "gone")
	delete(md, "gone twice")
	md["twice"], md["null"], md["new"] = "c", "now a text", "n"
	o, err := sidecar.RestoreRecord(md)
	want := headers("z", "1", "twice", "c", "same", "a", "same", "b", "null", "now a text", "new", "n")
	if err != nil || fmt.Sprintf("%q", o.Headers) != fmt.Sprintf("%q", want) {
		t.Errorf("headers are %q (%v), want %q", o.Headers, err, want)
	}
}

func TestForeignHeadersOfRecordsAreNotBelieved(t *testing.T) {
	r := &kgo.Record{Headers: headers("own", "v", "bridge-kafka", "forged", "bridge-key", "k", "bridge-revision", "7", "bridge-undecodable", "x",
		"bridge-hops", nil, "bridge-hops", "3", "bridge-message-id", "id", "bridge-amqp", "{}", "bridge-null-body", "1")}
	var bridge sidecar.RecordEncoder
	md := bridge.Encode(r)
	side := md["bridge-kafka"]
	delete(md, "bridge-kafka")
	want := message.Metadata{
		"own": "v", "bridge-hops": "3", "bridge-message-id": "id", "bridge-key": "k", "bridge-revision": "7", "bridge-amqp": "{}",
	}
	if !reflect.DeepEqual(md, want) || strings.Contains(side, "bridge-") {
		t.Errorf("believed %v and %s, want %v", md, side, want)
	}
	nobody := sidecar.RecordEncoder{TrustNone: true}
	md = nobody.Encode(r)
	delete(md, "bridge-kafka")
	if want := (message.Metadata{"own": "v"}); !reflect.DeepEqual(md, want) {
		t.Errorf("believed %v without trust, want %v", md, want)
	}
	// Nor does a sidecar bring back what was not believed.
	md["bridge-kafka"] = `{"names":["bridge-x","bridge-kafka","own"],"values":{"bridge-x":[null],"bridge-undecodable":[null,"y"]}}`
	o, err := sidecar.RestoreRecord(md)
	if err != nil || fmt.Sprintf("%q", o.Headers) != fmt.Sprintf("%q", headers("own", "v")) {
		t.Errorf("headers are %q (%v)", o.Headers, err)
	}
}

func TestForgedRecordSidecarIsAnErrorAndCostsNothing(t *testing.T) {
	for text, says := range map[string]string{
		"":                            "not a JSON object",
		"{":                           "not a JSON object",
		"[]":                          "not a JSON object",
		"{}{}":                        "not a JSON object",
		`{"topic":7}`:                 "topic: neither",
		`{"key":{"S":"?"}}`:           "key: illegal base64",
		`{"key":["S"]}`:               "key: neither",
		`{"partition":"1"}`:           "partition: ",
		`{"partition":4294967296}`:    "partition: ",
		`{"offset":1.5}`:              "offset: ",
		`{"timestamp":1e3}`:           "timestamp: ",
		`{"names":{}}`:                "names: not an array",
		`{"names":["a",null]}`:        "names: a name is null",
		`{"names":["a",[]]}`:          "names: neither",
		`{"values":[]}`:               "values: not an object",
		`{"values":{"a":"v"}}`:        "values: not an object of arrays",
		`{"values":{"a":["v",true]}}`: "values: neither",
		`{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`:   "nested too deeply",
		`{"x":` + strings.Repeat(`{"x":`, 1<<20):                            "bytes, the limit is",
		`{"x":` + strings.Repeat(`[`, 1<<20):                                "nested too deeply",
		`{"names":["` + strings.Repeat(`\u005b`, 1<<20) + `"],"values":{}}`: "bytes, the limit is",
	} {
		o, err := sidecar.RestoreRecord(message.Metadata{"bridge-kafka": text, "h": "v"})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "bridge-kafka") {
			t.Errorf("%.60s: the error is %v, want %q", text, err, says)
		}
		if o.Known || fmt.Sprintf("%q", o.Headers) != fmt.Sprintf("%q", headers("h", "v")) {
			t.Errorf("%.60s: headers are %q (known: %v)", text, o.Headers, o.Known)
		}
	}
}

// What a later release may add is passed over, and so are brackets in texts.
func TestUnknownMembersOfARecordSidecarArePassedOver(t *testing.T) {
	o, err := sidecar.RestoreRecord(message.Metadata{
		"bridge-kafka": ` { "later": {"a":[{}]}, "topic": "t", "key": "[[[[[[[[[[[[\"[[", "offset": 2 } `, "h": "v",
	})
	if err != nil || !o.Known || o.Topic != "t" || string(o.Key) != `[[[[[[[[[[[["[[` || o.Offset != 2 || len(o.Headers) != 1 {
		t.Errorf("%+v, %v", o, err)
	}
}

// I5: a record of nothing but odd headers costs no more than others.
func TestRecordOfManyOddHeadersIsCheap(t *testing.T) {
	r := &kgo.Record{}
	for i := range 100_000 {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: fmt.Sprint(i % 50_000)})
	}
	var e sidecar.RecordEncoder
	began := time.Now()
	o, err := sidecar.RestoreRecord(e.Encode(r))
	if err != nil || differs(r, o) != "" {
		t.Errorf("it did not come back: %v", err)
	}
	if d := time.Since(began); d > 30*time.Second { // if each were compared with each, minutes
		t.Errorf("it took %v", d)
	}
}

func typicalRecord() *kgo.Record {
	return &kgo.Record{
		Topic: "orders", Partition: 3, Offset: 123456789, Timestamp: time.UnixMilli(1700000000123),
		Key: []byte("customer-42"), Headers: headers("key", "customer-42", "revision", "17", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
	}
}

// What is reused is not what was returned.
func TestDecoderKeepsWhatItReturned(t *testing.T) {
	var e sidecar.RecordEncoder
	var d sidecar.RecordDecoder
	for range 3 {
		d.Reset(2, 10)
		var all []sidecar.OriginalRecord
		for _, r := range records {
			o, _ := d.Restore(e.Encode(r))
			all = append(all, o)
			again, _ := d.Restore(message.Metadata{"a": "1"})
			if fmt.Sprintf("%q", again.Headers) != fmt.Sprintf("%q", headers("a", "1")) {
				t.Errorf("after others, headers are %q", again.Headers)
			}
		}
		for _, r := range records {
			if !slices.ContainsFunc(all, func(o sidecar.OriginalRecord) bool { return differs(r, o) == "" }) {
				t.Errorf("%q was overwritten", r.Headers)
			}
		}
	}
}

func TestEncodeRecordIsCheap(t *testing.T) {
	r := typicalRecord()
	var e sidecar.RecordEncoder
	if n := testing.AllocsPerRun(100, func() { e.Encode(r) }); n > 7 {
		t.Errorf("%v allocations, want those of a small map, a sidecar and three texts", n)
	}
	md := e.Encode(r)
	var d sidecar.RecordDecoder
	if n := testing.AllocsPerRun(100, func() {
		d.Reset(8, 512)
		_, _ = d.Restore(md)
	}); n > 3 {
		t.Errorf("%v allocations to restore, want those of key and topic", n)
	}
}

func BenchmarkEncodeRecord(b *testing.B) {
	r := typicalRecord()
	var e sidecar.RecordEncoder
	b.ReportAllocs()
	for b.Loop() {
		e.Encode(r)
	}
}

func BenchmarkRestoreRecord(b *testing.B) {
	var e sidecar.RecordEncoder
	var d sidecar.RecordDecoder
	md := e.Encode(typicalRecord())
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(8, 512)
		_, _ = d.Restore(md)
	}
}

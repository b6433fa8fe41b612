package e2e_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// aRecord is a record with a key of its own that is right in every way, spoilt.
func aRecord(name, reason string, spoil func(*kgo.Record)) hostile {
	r := &kgo.Record{
		Key: []byte("of " + name), Value: []byte("body of " + name),
		Headers: []kgo.RecordHeader{{Key: "n", Value: []byte(name)}, {Key: "key", Value: []byte("of " + name)}, {Key: "revision", Value: []byte("1")}},
	}
	spoil(r)
	return hostile{name: name, r: r, reason: reason}
}

// adding is a record with more headers, by turns a name and a value.
func adding(what, reason string, pairs ...any) hostile {
	return aRecord(what, reason, func(r *kgo.Record) {
		for i := 0; i < len(pairs); i += 2 {
			var value []byte
			if pairs[i+1] != nil {
				value = fmt.Append(nil, pairs[i+1])
			}
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: pairs[i].(string), Value: value})
		}
	})
}

// replacing is a record with one of the headers that it always has replaced.
func replacing(what, name string, value []byte, reason string) hostile {
	return aRecord(what, reason, func(r *kgo.Record) {
		i := slices.IndexFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == name })
		r.Headers[i].Value = value
	})
}

// hostileRecords is what others may put into a topic.
func hostileRecords() []hostile {
	return slices.Concat(recordHeaders(), forgedRecordHeaders(), recordBodies(), recordKeys(), recordRevisions())
}

func recordHeaders() []hostile {
	var many []any
	for i := range 10_000 {
		many = append(many, fmt.Sprint("header ", i), i)
	}
	all := []hostile{
		adding("10,000 headers", "", many...),
		adding("64 KiB in a header", "", "h", strings.Repeat("\x00\r\n\xff", 16<<10)),
		adding("500 KiB in a header", "", "h", strings.Repeat("x", 500<<10)),
		adding("repeated", "", "h", "1", "a", "2", "h", nil, "h", "", "a", nil, "h", "3"),
		adding("repeated, null last", "", "h", "1", "h", nil),
		adding("repeated names that sort after n", "", "z", "1", "z", "1", "z", "1"),
		adding("the key twice", "", "key", "another"), // the last one counts
		adding("null", "", "h", nil), adding("empty", "", "h", ""), adding("a name without letters", "", "", "v"),
		adding("a long name", "", strings.Repeat("n", 10_000), "v"),
		adding("names that look alike", "", "a\xff", "one", "a\xfe", "two"),
		adding("the key null at last", "key_missing", "key", nil),
		adding("properties", "", "CC", "x", "BCC", "y", "x-death", "z", "expiration", "1", "user-id", "root", "content-type", "c", "_watermill_message_uuid", "w"),
	}
	for i := range all[:3] {
		if i != 1 {
			all[i].onQueue = "too_large" // frame_max is 128 KiB
		}
	}
	for _, name := range []string{"a\r\nb", "nul\x00", "types", "values", "names", "base64:eA==", "a.b", "@this", "#", `"`} {
		all = append(all, adding(fmt.Sprintf("name: %q", name), "", name, "v\x00\r\n\x1b[2J\xff", name, nil))
	}
	return all
}

func forgedRecordHeaders() []hostile {
	all := []hostile{
		adding("16 hops", "loop", "bridge-hops", "16"),
		adding("hops twice", "loop", "bridge-hops", "1", "bridge-hops", "17"),
		adding("a message id", "", "bridge-message-id", "of hostile/1"),
		adding("a sidecar with another key", "", "bridge-amqp", `{"values":{"key":{"l":7},"revision":"99"},"message-id":"stolen","routing-key":"x","exchange":"y"}`),
		adding("a sidecar of numbers that are none", "", "bridge-amqp", `{"values":{"h":{"d":"7ff0000000000000"},"t":{"F":{"in":{"f":"7fc00000"}}}},"priority":9,"delivery-mode":77}`),
		adding("a sidecar with an end", "", "bridge-amqp", `{"expiration":"soon","user-id":"root","reply-to":"amq.rabbitmq.reply-to","values":{"CC":{"l":1},"BCC":"x"}}`),
		adding("a sidecar of long properties", "", "bridge-amqp", `{"type":"`+strings.Repeat("x", 3_000)+`","app-id":"`+strings.Repeat("y", 256)+`"}`),
		adding("a sidecar of brackets", "", "bridge-amqp", `{"values":`+strings.Repeat(`{"a":`, 12_000)),
		adding("a sidecar of its own kind", "", "bridge-kafka", `{"key":"stolen","partition":7,"topic":"x"}`),
		adding("a sidecar with the types of what counts", "revision_invalid", "bridge-amqp", `{"types":{"revision":"d","key":"l"}}`),
	}
	for _, i := range []int{4, 5} { // what its sidecar says of its headers is what it says
		all[i].forges = true
	}
	for _, hops := range []string{"-9223372036854775808", "-1", "NaN", "", strings.Repeat("9", 1000)} {
		all = append(all, adding(fmt.Sprintf("hops: %.40q", hops), "", "bridge-hops", hops))
	}
	for _, name := range []string{"bridge-key", "bridge-revision", "bridge-undecodable", "bridge-null-body", "bridge-raw-headers", "bridge-source-timestamp", "bridge-dlq-reason", "bridge-"} {
		all = append(all, adding("forged: "+name, "", name, "99"), adding("forged, null: "+name, "", name, nil))
	}
	return all
}

func recordBodies() []hostile {
	all := []hostile{
		aRecord("a tombstone", "", func(r *kgo.Record) { r.Value = nil }),
		aRecord("a tombstone without a key", "", func(r *kgo.Record) { r.Value, r.Key = nil, nil }),
		aRecord("an empty body and key", "", func(r *kgo.Record) { r.Value, r.Key = []byte{}, []byte{} }),
		aRecord("a large key", "", func(r *kgo.Record) { r.Key = bytes.Repeat([]byte("\xffk"), 30_000) }),
		aRecord("a time of 1970", "", func(r *kgo.Record) { r.Timestamp = time.UnixMilli(1) }),
		aRecord("a time of the year 2262", "", func(r *kgo.Record) { r.Timestamp = time.UnixMilli(math.MaxInt64 / 1_000_000) }),
	}
	for what, n := range map[string]int{"1 byte": 1, "1 MiB - 4 KiB": 1<<20 - 4<<10} {
		all = append(all, aRecord("body: "+what, "", func(r *kgo.Record) { r.Value = bytes.Repeat([]byte{0}, n) }))
	}
	for what, n := range map[string]int{"1 MiB": 1 << 20, "1 MiB + 1": 1<<20 + 1, "16 MiB": 16 << 20} {
		h := aRecord("body: "+what, "", func(r *kgo.Record) { r.Value = bytes.Repeat([]byte("x"), n) })
		h.onTopic = "too_large"
		all = append(all, h)
	}
	return all
}

func recordKeys() (all []hostile) {
	for _, key := range oddKeys {
		all = append(all, replacing(fmt.Sprintf("key: %.40q", key), "key", []byte(key), ""))
	}
	return append(all,
		replacing("key: null", "key", nil, "key_missing"), replacing("key: empty", "key", []byte{}, "key_missing"),
		replacing("key: 500,000 bytes", "key", bytes.Repeat([]byte("k"), 500_000), "key_invalid"))
}

func recordRevisions() (all []hostile) {
	for _, rev := range goodRevisions {
		all = append(all, replacing("revision: "+rev, "revision", []byte(rev), ""))
	}
	for _, rev := range badRevisions {
		all = append(all, replacing(fmt.Sprintf("revision: %.40q", rev), "revision", []byte(rev), "revision_invalid"))
	}
	all = append(all, replacing("revision: null", "revision", nil, "revision_missing"), replacing("revision: empty", "revision", []byte{}, "revision_missing"))
	ofKnown := func(what, rev, reason string) hostile {
		h := replacing(what, "revision", []byte(rev), reason)
		h.r.Key, h.r.Headers[1].Value = []byte("of known"), []byte("of known")
		return h
	}
	storm, giant := replacing("a duplicate storm", "revision", []byte("1"), ""), replacing("a giant gap", "revision", []byte("9223372036854775806"), "")
	storm.copies, giant.parked = 1000, true
	return append(all, storm, giant, replacing("known", "revision", []byte("1"), ""),
		replacing("the last revision of all", "revision", []byte("9223372036854775807"), "revision_implausible"),
		ofKnown("a giant leap", "9223372036854775807", "revision_implausible"), ofKnown("another content", "1", "revision_conflict"))
}

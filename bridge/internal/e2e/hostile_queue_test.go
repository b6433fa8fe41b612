package e2e_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// aHostile is a message with a key of its own that is right in every way, spoilt.
func aHostile(name, reason string, spoil func(*amqp.Publishing)) hostile {
	p := amqp.Publishing{
		MessageId: name, DeliveryMode: amqp.Persistent, Body: []byte("body of " + name),
		Headers: amqp.Table{"n": name, "key": "of " + name, "revision": int64(1)},
	}
	spoil(&p)
	return hostile{name: name, p: p, reason: reason}
}

// hostileDeliveries is what others may put into a queue.
func hostileDeliveries() []hostile {
	return slices.Concat(withHeaders(), withNames(), withProperties(), withForgedHeaders(), withBodies(), withKeys(), withRevisions())
}

// setting is a message with one header more, or another one.
func setting(what, header string, v any, reason string) hostile {
	return aHostile(what, reason, func(p *amqp.Publishing) { p.Headers[header] = v })
}

func withHeaders() []hostile {
	many, deep, deepest := amqp.Table{}, amqp.Table{}, []any{"x"}
	for i := range 10_000 {
		many[fmt.Sprint(i)] = nil
	}
	for range 40 {
		deep = amqp.Table{"n": deep}
	}
	for range 28 {
		deepest = []any{deepest, amqp.Table{"in": int8(-1)}}
	}
	all := []hostile{
		aHostile("10,000 headers", "undecodable", func(p *amqp.Publishing) { p.Headers = many }),
		aHostile("tables 40 deep", "undecodable", func(p *amqp.Publishing) { p.Headers = deep }),
		setting("arrays 28 deep", "h", deepest, ""),
		setting("64 KiB in a header", "h", strings.Repeat("\x00\r\n\xff", 16<<10), ""),
		setting("125,000 bytes in a header", "h", strings.Repeat("x", 125_000), ""),
		aHostile("8,000 headers", "", func(p *amqp.Publishing) {
			for i := range 8_000 {
				p.Headers[fmt.Sprint("h", i)] = ""
			}
		}),
	}
	for what, v := range map[string]any{
		"void": nil, "a decimal": amqp.Decimal{Scale: 255, Value: math.MinInt32}, "bytes": []byte{0, 0xff},
		"the last second of all": time.Unix(math.MaxInt64, 0), "long before 1970": time.Unix(math.MinInt64, 0), "year 9999": time.Unix(253402300799, 0),
		"year 10000": time.Unix(253402300800, 0), "a small float": math.SmallestNonzeroFloat64, "a large one": float32(math.MaxFloat32),
		"a table": amqp.Table{"": amqp.Table{"\xff": []any{nil, amqp.Table{}}}}, "no array": []any{}, "unsigned": uint32(math.MaxUint32),
		"a sidecar's text": `{"S":"AA=="}`, "line ends": "a\r\nbridge-key: b\r\n\r\n", "a terminal's": "\x1b[2J\x1b]0;x\x07", "NUL": "\x00",
	} {
		all = append(all, setting("value: "+what, "h", v, ""))
	}
	return all
}

func withNames() (all []hostile) {
	for _, name := range []string{
		"", strings.Repeat("n", 255), "\xff\xfe", "a\r\nb", "nul\x00", "types", "values", "headers", "base64:eA==", "a.b", "a|b", "@this", "#", `"`, `\`,
		"Key", "key ", "_watermill_message_uuid", "x-death", "x-delay", "traceparent", "exchange", "message-id",
	} {
		all = append(all, setting(fmt.Sprintf("name: %.40q", name), name, "v", ""), setting(fmt.Sprintf("typed: %.40q", name), name, int16(-7), ""))
	}
	return append(all,
		aHostile("names that look alike", "", func(p *amqp.Publishing) { p.Headers["a\xff"], p.Headers["a\xfe"] = "one", "two" }),
		aHostile("the same in a dead letter", "key_missing", func(p *amqp.Publishing) {
			p.Headers["a\xff"], p.Headers["a\xfe"] = "one", "two"
			delete(p.Headers, "key")
		}))
}

func withProperties() []hostile {
	odd := strings.Repeat("\x00\xff\r\n\"", 51)
	return []hostile{
		aHostile("properties of any bytes", "", func(p *amqp.Publishing) {
			p.ContentType, p.ContentEncoding, p.CorrelationId, p.ReplyTo, p.Type, p.AppId = odd, odd, odd, odd, odd, odd
			p.Priority, p.DeliveryMode = 255, amqp.Transient
		}),
		aHostile("a time of 1970", "", func(p *amqp.Publishing) { p.Timestamp = time.Unix(0, 0) }),
		aHostile("a time before 1970", "", func(p *amqp.Publishing) { p.Timestamp = time.Unix(-1, 0) }),
		aHostile("a time after all", "", func(p *amqp.Publishing) { p.Timestamp = time.Unix(math.MaxInt64, 0) }),
		aHostile("an expiration", "", func(p *amqp.Publishing) { p.Expiration = "86400000" }),
		aHostile("copies to others", "", func(p *amqp.Publishing) { p.Headers["CC"] = []any{"no such queue"} }),
		aHostile("no message id", "", func(p *amqp.Publishing) { p.MessageId = "" }),
		aHostile("no message id and no key", "key_missing", func(p *amqp.Publishing) {
			p.MessageId, p.Body = "", []byte("{}")
			delete(p.Headers, "key")
		}),
		aHostile("another one", "key_missing", func(p *amqp.Publishing) { // that differs in its header n only
			p.MessageId, p.Body = "", []byte("{}")
			delete(p.Headers, "key")
		}),
	}
}

// withForgedHeaders have headers that only a bridge writes.
func withForgedHeaders() []hostile {
	all := []hostile{
		setting("16 hops", "bridge-hops", "16", "loop"),
		setting("99 hops", "bridge-hops", int32(99), "loop"),
		setting("all hops", "bridge-hops", "9223372036854775807", "loop"),
		aHostile("a null body that is none", "", func(p *amqp.Publishing) { p.Headers["bridge-null-body"] = "1" }),
		aHostile("a null body", "", func(p *amqp.Publishing) { p.Headers["bridge-null-body"], p.Body = "1", nil }),
		aHostile("a message id", "", func(p *amqp.Publishing) { p.Headers["bridge-message-id"], p.MessageId = "of hostile/1", "" }),
		aHostile("a sidecar with another key", "", func(p *amqp.Publishing) {
			p.Headers["bridge-amqp"] = `{"values":{"key":{"l":7},"revision":"99"},"message-id":"stolen","headers":"AAAA"}`
		}),
		aHostile("a sidecar with an end", "", func(p *amqp.Publishing) {
			p.Headers["bridge-amqp"] = `{"expiration":"1","user-id":"root","reply-to":"amq.rabbitmq.reply-to","values":{"CC":{"l":1},"BCC":"x"}}`
		}),
		aHostile("a sidecar of Kafka", "", func(p *amqp.Publishing) {
			p.Headers["bridge-kafka"] = `{"topic":"x","partition":-1,"offset":-9,"timestamp":9223372036854775807,"key":"stolen","names":["key","key"],"values":{"key":["a","b"]}}`
		}),
		setting("a sidecar of the year -292 million", "bridge-kafka", `{"timestamp":-9223372036854775808}`, ""),
		setting("a sidecar of brackets", "bridge-kafka", strings.Repeat("[", 100_000), ""),
		setting("a sidecar of AMQP of brackets", "bridge-amqp", `{"values":`+strings.Repeat(`{"a":`, 20_000), ""),
		setting("a sidecar that is a table", "bridge-amqp", amqp.Table{"message-id": "x"}, ""),
		setting("a raw table", "bridge-raw-headers", []byte("forged"), ""),
	}
	all[4].null, all[7].forges = true, true
	for _, hops := range []any{"-9223372036854775808", "-1", "NaN", "", strings.Repeat("9", 1000), true, nil, []any{}} {
		all = append(all, setting(fmt.Sprintf("hops: %.40v", hops), "bridge-hops", hops, ""))
	}
	for _, name := range []string{"bridge-key", "bridge-revision", "bridge-undecodable", "bridge-source-timestamp", "bridge-dlq-reason", "bridge-source-queue", "bridge-"} {
		all = append(all, setting("forged: "+name, name, "99", ""), setting("forged, typed: "+name, name, []any{int64(99)}, ""))
	}
	for _, name := range []string{"traceparent", "tracestate", "baggage"} {
		all = append(all, setting("trace: "+name, name, strings.Repeat("00-\r\n", 2_000), ""))
	}
	return all
}

func withBodies() (all []hostile) {
	for what, n := range map[string]int{"0 bytes": 0, "1 byte": 1, "1 MiB - 4 KiB": 1<<20 - 4<<10} {
		all = append(all, withBody(what, bytes.Repeat([]byte{0}, n)))
	}
	for what, n := range map[string]int{"1 MiB": 1 << 20, "1 MiB + 1": 1<<20 + 1, "16 MiB": 16 << 20} {
		h := withBody(what, bytes.Repeat([]byte("x"), n))
		h.onTopic = "too_large" // max.message.bytes is 1,048,588 by default
		all = append(all, h)
	}
	return append(all, withBody("brackets", bytes.Repeat([]byte("["), 500_000)))
}

func withBody(what string, body []byte) hostile {
	return aHostile("body: "+what, "", func(p *amqp.Publishing) { p.Body = body })
}

var oddKeys = []string{
	"\x00", "\r\n", "\x1b[2J", "../../etc/passwd", "%2e%2e%2f%00", "\xff\xfe", "\ufffd", strings.Repeat("k", 4096), `["a","b"]`, `'; drop table keys`, " ", "(all)", "🗝",
}

func withKeys() (all []hostile) {
	for _, key := range oddKeys {
		all = append(all, setting(fmt.Sprintf("key: %.40q", key), "key", key, ""))
	}
	for what, v := range map[string]any{"void": nil, "a list": []any{"a"}, "empty": "", "a table": amqp.Table{"key": "a"}, "a decimal": amqp.Decimal{}} {
		all = append(all, setting("key: "+what, "key", v, "key_missing"))
	}
	return append(all, setting("key: 100,000 bytes", "key", strings.Repeat("k", 100_000), "key_invalid"), setting("key: 4,097 bytes", "key", strings.Repeat("k", 4097), "key_invalid"))
}

// goodRevisions are all 1, and badRevisions none.
var (
	goodRevisions = []string{"1", "01", "0000000000000000000000000000001"}
	badRevisions  = []string{
		"-1", "+1", " 1", "1 ", "1.0", "1.", ".1", "1e0", "1e3", "0x1", "0b1", "1_0", "NaN", "Infinity", "true", "null", "١", "１", "²", "1\x00", "\x001", "1\n",
		"9223372036854775808", "18446744073709551617", strings.Repeat("9", 10_000), "\xff", `"1"`, "[1]", "{}", "1,000",
	}
)

func withRevisions() (all []hostile) {
	for _, rev := range goodRevisions {
		all = append(all, setting("revision: "+rev, "revision", rev, ""))
	}
	for _, rev := range badRevisions {
		all = append(all, setting(fmt.Sprintf("revision: %.40q", rev), "revision", rev, "revision_invalid"))
	}
	for _, one := range []any{int8(1), uint8(1), int16(1), uint16(1), int32(1), uint32(1), []byte("1")} {
		all = append(all, setting(fmt.Sprintf("revision: %T", one), "revision", one, ""))
	}
	for _, bad := range []any{float32(1), float64(1), int8(-1), int64(math.MinInt64), true, time.Unix(1, 0), []byte("-1"), int64(0)} {
		all = append(all, setting(fmt.Sprintf("revision: %T %v", bad, bad), "revision", bad, "revision_invalid"))
	}
	for what, v := range map[string]any{"void": nil, "empty": "", "a decimal": amqp.Decimal{Value: 1}, "a list": []any{int64(1)}, "bytes": []byte{0xff}} {
		all = append(all, setting("revision: "+what, "revision", v, "revision_missing"))
	}
	storm := setting("a duplicate storm", "revision", int64(1), "")
	storm.copies = 1000
	giant := setting("a giant gap", "revision", int64(math.MaxInt64-1), "")
	giant.parked = true
	return append(all, storm, giant,
		setting("known", "revision", int64(1), ""),
		setting("the last revision of all", "revision", int64(math.MaxInt64), "revision_implausible"),
		aHostile("a giant leap", "revision_implausible", func(p *amqp.Publishing) { p.Headers["key"], p.Headers["revision"] = "of known", int64(math.MaxInt64) }),
		aHostile("another content", "revision_conflict", func(p *amqp.Publishing) { p.Headers["key"] = "of known" }))
}

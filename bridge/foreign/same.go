package foreign

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/tidwall/gjson"
)

// Same returns what is the same each time a message is taken from its dead-letter
// queue, and different for every other message, as far as its headers tell. The
// id that its producer gave it does not suffice: messages without one are common,
// and one that was given up twice has the same id both times.
//
// Left out is what RabbitMQ changes when it delivers a message again.
func Same(metadata map[string]string) string {
	h := sha256.New()
	note := func(s string) {
		_, _ = h.Write([]byte(decimal(int64(len(s))) + ":" + s)) // a hash takes everything
	}
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		if name != sidecar && !isDelivery(name) {
			note(name)
			note(metadata[name])
		}
	}
	gjson.Parse(metadata[sidecar]).ForEach(func(name, v gjson.Result) bool {
		switch name.Str {
		case "types": // of headers
			v.ForEach(func(header, v gjson.Result) bool {
				if !isDelivery(header.Str) {
					note(name.Str + " " + header.Str)
					note(v.Str)
				}
				return true
			})
		case "headers": // a table that could not be read
			note(name.Str)
			note(withoutCounts(v.Str))
		default:
			note(name.Str)
			note(v.Raw)
		}
		return true
	})
	return hex.EncodeToString(h.Sum(nil))
}

// counts are the headers that count deliveries.
var counts = []string{"x-delivery-count", "x-acquired-count"}

func isDelivery(name string) bool { return slices.Contains(counts, name) }

// withoutCounts is a table of AMQP in base64, without its length and without what
// counts deliveries: RabbitMQ writes 64-bit numbers there.
func withoutCounts(encoded string) string {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return encoded
	}
	if len(raw) >= 4 && int(binary.BigEndian.Uint32(raw)) == len(raw)-4 {
		raw = raw[4:]
	}
	for _, name := range counts {
		entry := string(rune(len(name))) + name + "l"
		if before, after, ok := bytes.Cut(raw, []byte(entry)); ok && len(after) >= 8 {
			raw = slices.Concat(before, after[8:])
		}
	}
	return string(raw)
}

package foreign

import (
	"crypto/sha256"
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
		if name.Str != "types" { // which has those of the headers left out
			note(name.Str)
			note(v.Raw)
		}
		return true
	})
	return hex.EncodeToString(h.Sum(nil))
}

// isDelivery reports whether a header counts deliveries.
func isDelivery(name string) bool {
	return name == "x-delivery-count" || name == "x-acquired-count"
}

package ordering

import (
	"strings"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// maxLogged is how much of a key or an id is logged, in bytes.
const maxLogged = 128

// about says which message an incident in the log is about, as far as that is known: its
// key, because that is what an operator looks for next, and its id.
func about(key string, r lane.Revision, id string) []any {
	var all []any
	for _, fact := range [][2]string{{"key", key}, {"message_id", id}} {
		if fact[1] != "" {
			all = append(all, fact[0], logged(fact[1]))
		}
	}
	if key != "" {
		all = append(all, "revision", int64(r))
	}
	return all
}

// logged is a text of a message as it may stand in a log: short. What is not to be
// printed is quoted by the log.
func logged(text string) string {
	if len(text) <= maxLogged {
		return text
	}
	for text = text[:maxLogged]; !utf8.ValidString(text) && len(text) > maxLogged-utf8.UTFMax; {
		text = text[:len(text)-1]
	}
	return text + "…"
}

// correlation is what senders call the conversation of a message.
func correlation(headers map[string]string) string {
	for name, value := range headers {
		switch strings.ReplaceAll(strings.ToLower(name), "_", "-") {
		case "correlation-id", "x-correlation-id":
			return value
		}
	}
	return ""
}

package ordering

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// maxLogged is how much of a key or an id is logged, in bytes.
const maxLogged = 128

// about says which message an incident in the log is about, as far as that is known: its
// key, because that is what an operator looks for next, and how others name it.
func about(key string, r lane.Revision, id string, headers map[string]string) []any {
	var all []any
	for _, fact := range [][2]string{
		{"key", key}, {"message_id", id}, {"trace", traceOf(headers["traceparent"])}, {"correlation", correlation(headers)},
	} {
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

var traceParent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}`)

// traceOf is the id of a W3C trace.
func traceOf(parent string) string {
	if found := traceParent.FindStringSubmatch(parent); found != nil {
		return found[1]
	}
	return ""
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

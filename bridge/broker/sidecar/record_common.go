package sidecar

import (
	"strconv"
	"strings"
	"time"
)

// readCommon reads the form of bridge-kafka that nearly all records have: as the
// encoder writes it, in its order, with texts in printable ASCII without escapes,
// and without names or values. It is false for any other, which readRecord reads:
// at an eighth of the speed (BenchmarkReadRecord), and that for every message
// from Kafka to Kafka.
func readCommon(text string) (f recordForm, ok bool) {
	rest, topic, ok := cutText(text, `{"topic":"`)
	if !ok {
		return f, false
	}
	var partition, offset, at int64
	if rest, partition, ok = cutNumber(rest, `,"partition":`); !ok || partition > 1<<31-1 {
		return f, false
	}
	if rest, offset, ok = cutNumber(rest, `,"offset":`); !ok {
		return f, false
	}
	f.Known, f.Topic, f.Partition, f.Offset = true, topic, int32(partition), offset
	if strings.HasPrefix(rest, `,"timestamp":`) {
		if rest, at, ok = cutNumber(rest, `,"timestamp":`); !ok {
			return recordForm{}, false
		}
		f.Timestamp = time.UnixMilli(at)
	}
	if strings.HasPrefix(rest, `,"key":"`) {
		var key string
		if rest, key, ok = cutText(rest, `,"key":"`); !ok {
			return recordForm{}, false
		}
		f.Key = []byte(key)
	}
	if rest != "}" {
		return recordForm{}, false
	}
	return f, true
}

// cutText cuts a prefix and the text that follows it up to a quote.
func cutText(s, prefix string) (rest, text string, ok bool) {
	s, ok = strings.CutPrefix(s, prefix)
	for i := 0; ok && i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[i+1:], s[:i], true
		case c == '\\' || c < ' ' || c > '~':
			return "", "", false
		}
	}
	return "", "", false
}

// cutNumber cuts a prefix and the digits that follow it.
func cutNumber(s, prefix string) (rest string, n int64, ok bool) {
	s, ok = strings.CutPrefix(s, prefix)
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if !ok || i == 0 || i > 1 && s[0] == '0' {
		return "", 0, false
	}
	n, err := strconv.ParseInt(s[:i], 10, 64)
	return s[i:], n, err == nil
}

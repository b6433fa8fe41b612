package foreign

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// maxName is the longest name of a queue, and longer than that of a topic.
	maxName = 255
	// maxType and maxMessage bound what is shown of an error.
	maxType    = 255
	maxMessage = 1024
)

// headers are the metadata of a message.
type headers map[string]string

// has reports whether one of the headers is there.
func (h headers) has(names ...string) bool {
	for _, name := range names {
		if _, ok := h[name]; ok {
			return true
		}
	}
	return false
}

// name is the header as the name of a topic or queue, "" where it is none.
func (h headers) name(header string) string { return name(h[header]) }

func name(s string) string {
	if len(s) > maxName || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return ""
	}
	return strings.Clone(s)
}

// kind is the header as a word that says what kind of error it was.
func (h headers) kind(header string) string { return line(h[header], maxType) }

// message is the header as what an error said.
func (h headers) message(header string) string { return line(h[header], maxMessage) }

// line is the first line of a text that has something on it, at most that long
// and safe to print.
func line(s string, most int) string {
	s = strings.TrimSpace(clip(s, 4*most)) // bounded before it is worked on
	s, _, _ = strings.Cut(s, "\n")
	s = strings.ToValidUTF8(s, "�")
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	s = strings.TrimSpace(s)
	if len(s) <= most {
		return strings.Clone(s)
	}
	return strings.TrimSpace(strings.ToValidUTF8(clip(s, most-len("…")), "")) + "…"
}

func clip(s string, most int) string { return s[:min(len(s), most)] }

// digits is the header as a whole number in text.
func (h headers) digits(header string) (int64, bool) {
	n, err := strconv.ParseInt(h[header], 10, 64)
	return n, err == nil && n >= 0
}

// bigEndian is the header as a number that Java has written in 4 or 8 bytes.
func (h headers) bigEndian(header string, size int) (int64, bool) {
	s := h[header]
	if len(s) != size {
		return 0, false
	}
	n := int64(0)
	if size == 4 {
		n = int64(int32(binary.BigEndian.Uint32([]byte(s))))
	} else {
		n = int64(binary.BigEndian.Uint64([]byte(s)))
	}
	return n, n >= 0
}

// attempts is a number of tries, 0 where it can be none.
func attempts(n int64, ok bool) int {
	if !ok || n < 0 || n > math.MaxInt32 {
		return 0
	}
	return int(n)
}

// place fills in partition and offset, if both are there.
func (o *Origin) place(partition int64, one bool, offset int64, two bool) {
	if one && two && partition <= math.MaxInt32 {
		o.Placed, o.Partition, o.Offset = true, int32(partition), offset
	}
}

// since is a time in seconds since 1970, zero for what can be none.
func since(seconds int64) time.Time {
	const most = 253402300799 // the last one with a year of four digits
	if seconds <= 0 || seconds > most {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

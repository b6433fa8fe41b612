package mask

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	// shortest is the length from which a value is looked for in a text, in bytes:
	// shorter ones are in every text.
	shortest = 4
	// maxValues are looked for one by one.
	maxValues = 1000
	// MaxText is how much is shown of a text about a message, in bytes.
	MaxText = 4 << 10
)

// NotShown stands for a text that may quote what is masked.
const NotShown = "not shown: it may quote the message"

// Values are what was masked in a message, to be masked in texts about it, too.
// The zero value is none.
type Values struct {
	Count int // how many, however short
	texts []string
	many  bool // more than are looked for
}

// Add adds the value of a header.
func (v *Values) Add(value string) {
	v.Count++
	v.keep(value)
	v.keep(inner(strconv.Quote(value)))
}

// Join adds what another has found.
func (v *Values) Join(other *Values) {
	v.Count += other.Count
	v.many = v.many || other.many
	for _, t := range other.texts {
		v.keep(t)
	}
}

// add adds a scalar of a JSON document, as it is there.
func (v *Values) add(raw string) {
	v.Count++
	switch raw {
	case "true", "false", "null":
		return
	}
	if !strings.HasPrefix(raw, `"`) {
		v.keep(raw)
		return
	}
	text := unquoted([]byte(raw))
	v.keep(text)
	v.keep(inner(raw)) // as a quote of the document has it
	v.keep(inner(strconv.Quote(text)))
}

func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

func (v *Values) keep(text string) {
	switch {
	case len(text) < shortest || v.many:
	case len(v.texts) >= maxValues:
		v.many = true
	case !slices.Contains(v.texts, text):
		v.texts = append(v.texts, text)
	}
}

// In masks the values in a text, and the beginning of one where the text ends. Of
// the text at most so many bytes remain.
func (v *Values) In(text string, most int) string {
	if v.many {
		return NotShown
	}
	text = cut(text, most)
	longestFirst := slices.SortedFunc(slices.Values(v.texts), func(a, b string) int { return len(b) - len(a) })
	for _, value := range longestFirst {
		text = strings.ReplaceAll(text, value, Stars)
	}
	for _, value := range longestFirst {
		text = withoutEnd(text, value)
	}
	return text
}

// withoutEnd masks the beginning of a value at the end of a text that was cut.
func withoutEnd(text, value string) string {
	whole := strings.TrimRight(text, ".…\"'")
	for n := min(len(value)-1, len(whole)); n >= shortest; n-- {
		if strings.HasSuffix(whole, value[:n]) {
			return whole[:len(whole)-n] + Stars + text[len(whole):]
		}
	}
	return text
}

// Words masks in a text what a message has, too, word by word: for those who see
// nothing of the message, and for messages in which no value can be told from the
// other. Of the text at most so many bytes remain.
func Words(text string, most int, message ...[]byte) string {
	size := 0
	for _, part := range message {
		size += len(part)
	}
	if size > MaxBody && text != "" {
		return NotShown
	}
	quotes := func(word string) bool {
		return len(word) >= shortest && slices.ContainsFunc(message, func(part []byte) bool { return bytes.Contains(part, []byte(word)) })
	}
	text = eachWord(cut(text, most), isBlank, quotes)
	return eachWord(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }, quotes)
}

// isBlank is between words in the widest sense: what has signs in it is one.
func isBlank(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\"'`,;:=()[]{}<>", r) }

// eachWord replaces the words of a text that are to go.
func eachWord(text string, between func(rune) bool, goes func(string) bool) string {
	var out strings.Builder
	for text != "" {
		n := strings.IndexFunc(text, between)
		if n < 0 {
			n = len(text)
		}
		word := text[:n]
		if goes(word) {
			word = Stars
		}
		out.WriteString(word)
		text = text[n:]
		gap := strings.IndexFunc(text, func(r rune) bool { return !between(r) })
		if gap < 0 {
			gap = len(text)
		}
		out.WriteString(text[:gap])
		text = text[gap:]
	}
	return out.String()
}

// cut bounds a text; a rune that is torn apart goes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

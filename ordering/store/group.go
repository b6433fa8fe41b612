package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Group is the dead letters of a route with one cause, and what waits because of
// them. Its numbers are kept in the commits.
type Group struct {
	Fingerprint string // see [FingerprintOf]
	Reason      string
	Class       string
	Target      string
	Error       string // of the last one, as it was

	Dead  int64     // how many there are
	First time.Time // when the first was given up since there was none
	Last  time.Time // when the last was

	Keys   int64 // that wait for one of them
	Parked int64 // messages parked behind those
}

// fingerprintBytes of a hash name a group. Two of a million groups share one
// with a probability of 1 to 4,000,000 (2^40 / 2^65, the birthday bound).
const fingerprintBytes = 8

// maxCause is how much of an error tells its cause.
const maxCause = 400

// FingerprintOf names the cause of a dead letter: 16 hexadecimal digits of a hash
// of its reason, class, target and error, where the error counts without what
// differs from message to message, see [Normalise]. The store sets it when a dead
// letter is written and keeps it with it.
func FingerprintOf(d *DeadLetter) string {
	h := sha256.New()
	for _, part := range [...]string{d.Reason, d.Class, d.Target, Normalise(d.Error)} {
		_, _ = h.Write([]byte(part)) // a hash takes everything
		_, _ = h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:fingerprintBytes])
}

// Normalise returns an error's first line without what differs from message to
// message: numbers and identifiers that hold a digit become #, what stands in
// quotes becomes "…", blanks become one, and it ends after 400 bytes.
func Normalise(text string) string {
	n := normaliser{out: make([]byte, 0, min(len(text), maxCause)+8)}
	for len(text) > 0 && len(n.out) < maxCause {
		r, size := utf8.DecodeRuneInString(text)
		if r == '\n' || r == '\r' {
			break
		}
		if isWord(r) {
			size = n.word(text)
		} else if closing := quoteEnd(r, text, size); closing > 0 {
			n.out = append(n.out, `"…"`...)
			size = closing
		} else {
			n.other(r, text[:size])
		}
		text = text[size:]
	}
	for len(n.out) > 0 && n.out[len(n.out)-1] == ' ' {
		n.out = n.out[:len(n.out)-1]
	}
	return string(n.out)
}

type normaliser struct{ out []byte }

// word adds the word that text begins with and returns its length. An identifier
// may have dashes in it, as a UUID has; they tie only what holds a digit.
func (n *normaliser) word(text string) int {
	end, digits := 0, false
	if isUUID(text) {
		end, digits = uuidLength, true
	}
	for end < len(text) {
		r, size := utf8.DecodeRuneInString(text[end:])
		if !isWord(r) {
			break
		}
		digits = digits || unicode.IsDigit(r)
		end += size
	}
	if !digits {
		n.out = append(n.out, text[:end]...)
		return end
	}
	if k := len(n.out); k >= 2 && n.out[k-1] == '-' && n.out[k-2] == '#' { // goes on with the one before
		n.out = n.out[:k-1]
		return end
	}
	n.out = append(n.out, '#')
	return end
}

const uuidLength = 36

// isUUID reports whether text begins with one: parts of it may have no digits.
func isUUID(text string) bool {
	if len(text) < uuidLength {
		return false
	}
	for i := range uuidLength {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if c := text[i]; dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return false
		}
	}
	return true
}

func (n *normaliser) other(r rune, text string) {
	if unicode.IsSpace(r) {
		if k := len(n.out); k > 0 && n.out[k-1] != ' ' {
			n.out = append(n.out, ' ')
		}
		return
	}
	n.out = append(n.out, text...)
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// quoteEnd returns where the quotation ends that text begins with, 0 if it begins
// with none. An apostrophe within a word is no quotation: it does not get here.
func quoteEnd(r rune, text string, size int) int {
	if r != '"' && r != '\'' && r != '`' {
		return 0
	}
	for i := size; i < len(text) && text[i] != '\n'; i++ {
		if text[i] == '\\' {
			i++
			continue
		}
		if rune(text[i]) == r {
			return i + 1
		}
	}
	return 0
}

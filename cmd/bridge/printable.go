package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Keys, headers, bodies and errors come from anybody. Written to a terminal as
// they are, they could move its cursor, hide text or type commands, so whatever
// is not a visible character is shown as its code.

// printable is text as one line: \x1b, \n, \u202e and the like are spelled out.
func printable(s string) string { return visible(s, "") }

// lines is text whose line ends and tabs are kept.
func lines(s string) string { return visible(s, "\n\t") }

func visible(s, keep string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		i += size
	}
	return b.String()
}

// visibleJSON spells out what JSON allows in a string and a terminal obeys: DEL,
// the C1 controls and characters that change the direction of text.
func visibleJSON(doc []byte) string {
	var b strings.Builder
	for _, r := range string(doc) {
		switch {
		case r < ' ' || unicode.IsPrint(r): // below blank: only the line ends between values
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// short cuts a text for a table.
func short(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}

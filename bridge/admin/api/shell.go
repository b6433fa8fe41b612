package api

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quote makes a word one word of a POSIX shell, whatever its bytes: as it is
// where that is safe, else in quotes, and in $'…' (bash, zsh, ksh) where it
// holds what a terminal would not show.
func Quote(word string) string {
	if word != "" && strings.Trim(word, plain) == "" && word[0] != '-' {
		return word
	}
	hidden := !utf8.ValidString(word) || strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsPrint(r) })
	if !hidden {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for len(word) > 0 {
		r, size := utf8.DecodeRuneInString(word)
		switch {
		case r == '\'' || r == '\\':
			fmt.Fprintf(&b, `\%c`, r)
		case unicode.IsPrint(r) && (r != utf8.RuneError || size > 1):
			b.WriteRune(r)
		default:
			for i := range size {
				fmt.Fprintf(&b, `\x%02x`, word[i])
			}
		}
		word = word[size:]
	}
	return b.String() + "'"
}

// plain are the characters that no shell touches.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,-"

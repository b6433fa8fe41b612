package store_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/ordering/store"
)

func TestNormalise(t *testing.T) {
	for _, c := range [...]struct{ name, text, want string }{
		{"plain", "no such table", "no such table"},
		{"a number", "order 4711 is unknown", "order # is unknown"},
		{"a uuid", "order 7c0e0d1e-91aa-4b6c-8f00-0123456789ab is unknown", "order # is unknown"},
		{"a uuid whose groups have letters only", "id abcdefab-91aa-4b6c-8f00-abcdefabcdef", "id #"},
		{"an identifier with digits", "key cart_17x", "key #"},
		{"an address", "dial tcp 10.0.0.7:5672: refused", "dial tcp #.#.#.#:#: refused"},
		{"a quotation", `field "total" of 'a' is missing`, `field "…" of "…" is missing`},
		{"an escaped quote", `field "a\"b" is missing`, `field "…" is missing`},
		{"an apostrophe", "can't say", "can't say"},
		{"no end of a quotation", `field "total is missing`, `field "total is missing`},
		{"blanks", "  a \t  b  ", "a b"},
		{"only the first line", "panic: boom\ngoroutine 7", "panic: boom"},
		{"empty", "", ""},
		{"digits of other scripts", "صفحة ٣٤", "صفحة #"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := store.Normalise(c.text); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	if n := len(store.Normalise(strings.Repeat("ä ", 10_000))); n > 410 {
		t.Errorf("%d bytes", n)
	}
}

func TestFingerprintNamesTheCause(t *testing.T) {
	letter := func(reason, class, target, err string) *store.DeadLetter {
		return &store.DeadLetter{
			Reason: reason, Target: target,
			Message: store.Message{Tries: store.Tries{Class: class, Error: err}},
		}
	}
	one := store.FingerprintOf(letter("permanent", "permanent", "kafka topic a", "order 1 is unknown"))
	if len(one) != 16 {
		t.Errorf("%q is not 16 digits", one)
	}
	if same := store.FingerprintOf(letter("permanent", "permanent", "kafka topic a", "order 22 is unknown")); same != one {
		t.Error("another order is another cause")
	}
	for _, other := range []*store.DeadLetter{
		letter("max_attempts", "permanent", "kafka topic a", "order 1 is unknown"),
		letter("permanent", "transient", "kafka topic a", "order 1 is unknown"),
		letter("permanent", "permanent", "kafka topic b", "order 1 is unknown"),
		letter("permanent", "permanent", "kafka topic a", "order 1 is closed"),
		letter("permanentpermanent", "", "kafka topic a", "order 1 is unknown"),
	} {
		if store.FingerprintOf(other) == one {
			t.Errorf("%+v has the same cause", other)
		}
	}
}

// FuzzNormalise: whatever an error says, its cause is bounded text that stays as
// it is when it is normalised again.
func FuzzNormalise(f *testing.F) {
	for _, text := range []string{"", "order 4711-a is 'x'", "\xff\xfe 7", "a-1-2-b", `"\`, "#-1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := store.Normalise(text)
		if len(got) > 400+utf8.UTFMax+len(text) {
			t.Errorf("%d bytes", len(got))
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("%q is no text", got)
		}
		if strings.ContainsAny(got, "\n\r0123456789") {
			t.Errorf("%q still differs from message to message", got)
		}
	})
}

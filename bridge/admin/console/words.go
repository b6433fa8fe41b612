package console

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// words are the functions of the templates.
var words = template.FuncMap{
	"ago": ago, "when": when, "iso": iso, "count": count, "size": size, "rate": rate,
	"plural": plural, "seg": segment, "link": link, "tone": tone, "printable": printable, "dict": dict,
	"took": took, "clip": clip, "denied": denied, "lasted": lasted, "later": later,
}

// ago is how long something is past, or to come: "3 min ago", "in 20 s".
func ago(t time.Time) string {
	d := time.Since(t)
	switch {
	case t.IsZero():
		return ""
	case d < -time.Second:
		return "in " + span(-d)
	case d < time.Second:
		return "just now"
	}
	return span(d) + " ago"
}

// lasted is how long something has been as it is.
func lasted(since time.Time) string { return span(max(0, time.Since(since))) }

// later reports whether a moment is yet to come.
func later(t time.Time) bool { return time.Until(t) > 0 }

// span is a length of time in one unit.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// when is a moment as people read it, in UTC like all the bridge says.
func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// whole is a number of whichever type a template has.
func whole(n any) int64 {
	switch n := n.(type) {
	case int:
		return int64(n)
	case uint64:
		return int64(n)
	case uint32:
		return int64(n)
	case int64:
		return n
	case *int64:
		return *n
	}
	return 0
}

// count is a number with its thousands apart.
func count(n any) string {
	digits := strconv.FormatInt(whole(n), 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "−", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteRune('\u202f') // narrow, and no line is broken at it
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// size is a number of bytes.
func size(n any) string {
	v, unit := float64(whole(n)), 0
	for ; v >= 1024 && unit < 4; unit++ {
		v /= 1024
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", whole(n))
	}
	return fmt.Sprintf("%.1f %ciB", v, " KMGT"[unit])
}

// rate is a number of messages a second.
func rate(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.1:
		return "< 0.1"
	case v < 10:
		return fmt.Sprintf("%.1f", v)
	}
	return count(int64(math.Round(v)))
}

// plural is a number of things: "1 key", "3 keys".
func plural(n any, one, many string) string {
	if whole(n) == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// segment is one part of a path, whatever its bytes.
func segment(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}

// link is a path with a query of names and values; empty values are left out.
func link(path string, query ...string) template.URL {
	v := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		if query[i+1] != "" {
			v.Set(query[i], query[i+1])
		}
	}
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	return template.URL(path) //nolint:gosec // a path of ours, its parts are escaped by segment and Encode
}

// tones are how states look: good, busy (goes on by itself), bad (somebody has to
// act), quiet.
var tones = map[string]string{
	"running": "good", "starting": "busy", "waiting": "busy", "paused": "bad", "stopped": "quiet",
	"closed": "good", "half-open": "busy", "open": "bad",
	"flowing": "good", "adopting": "busy", "gap": "busy", "quarantined": "bad", "gap_blocked": "bad", "locked": "bad",
	"done": "good", "cancelled": "quiet",
}

func tone(state any) string {
	if t := tones[fmt.Sprint(state)]; t != "" {
		return t
	}
	return "quiet"
}

// mostMarks is how many marks a letter has in any language, and then some.
const mostMarks = 8

// printable is a text with what a screen would not show, or would take for
// something else, spelt out; so are marks that are heaped on a letter, which cover
// other lines and which no line breaks at.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return hidden(r) || unicode.IsMark(r) }) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	marks := 0
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if marks++; !unicode.IsMark(r) {
			marks = 0
		}
		switch {
		case marks > mostMarks:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case hidden(r):
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

func hidden(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }

// dict gives a part of a page several values by name.
func dict(pairs ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return out
}

// took is a length of time in seconds as people read it: "12 ms", "1.5 s".
func took(n float64) string {
	switch {
	case n < 0.001:
		return "< 1 ms"
	case n < 1:
		return fmt.Sprintf("%.0f ms", n*1000)
	case n < 100:
		return fmt.Sprintf("%.1f s", n)
	}
	return span(time.Duration(n * float64(time.Second)))
}

// clip is the beginning of a text, of at most so many signs.
func clip(s string, most int) string {
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i] + "…"
		}
	}
	return s
}

// denied is why somebody may not do what needs a role, or nothing if they may.
// The API decides; this is so that nobody fills in a form in vain.
func denied(me api.Me, least string) string {
	ranks := []string{"viewer", "operator", "admin"}
	switch {
	case me.Role == "":
		return ""
	case me.ReadOnly:
		return "this bridge is read only"
	case slices.Index(ranks, me.Role) < slices.Index(ranks, least):
		return "needs the role " + least + ", yours is " + me.Role
	}
	return ""
}

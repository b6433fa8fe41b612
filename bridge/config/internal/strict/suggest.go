package strict

import "strings"

// Nearest returns the word that text was most likely meant to be, or "".
func Nearest(text string, words []string) string {
	const longest = 64 // keeps a hostile key from costing time
	if text == "" || len(text) > longest {
		return ""
	}
	best, found := 0, ""
	for _, w := range words {
		if len(w) > longest {
			continue
		}
		d := distance(plain(text), plain(w))
		if d <= max(1, len(w)/3) && d < len(w) && (found == "" || d < best) {
			best, found = d, w
		}
	}
	return found
}

// DidYouMean is the hint for the nearest word, or "".
func DidYouMean(text string, words []string) string {
	if w := Nearest(text, words); w != "" {
		return `did you mean "` + w + `"?`
	}
	return ""
}

func plain(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "-", "_")
}

// distance is Damerau's, by optimal string alignment: insert, delete, replace,
// swap two neighbours.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

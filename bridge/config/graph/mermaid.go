package graph

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Mermaid writes a flowchart, as GitHub and many editors draw it.
func Mermaid(w io.Writer, g Graph) error {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, group := range g.Brokers {
		fmt.Fprintf(&b, "  subgraph %s[\"%s\"]\n", brokerID(i), mermaidText(group.String()))
		for j, p := range group.Places {
			fmt.Fprintf(&b, "    %s[\"%s\"]\n", Spot{i, j}.id(), mermaidText(p.String()))
		}
		b.WriteString("  end\n")
	}
	for i, r := range g.Routes {
		fmt.Fprintf(&b, "  %s(\"%s\")\n", routeID(i), mermaidText(r.String()))
		for _, a := range g.arrows(i) {
			fmt.Fprintf(&b, "  %s %s %s\n", a.from, mermaidLine(a), a.to)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func mermaidLine(a arrow) string {
	line := "-->"
	if a.dashed {
		line = "-.->"
	}
	if a.note != "" {
		line += `|"` + mermaidText(a.note) + `"|`
	}
	return line
}

// mermaidText is a text between quotes. Mermaid reads it three times, as its own
// grammar, as Markdown and as HTML, so that whatever might mean something to one
// of them is an entity code.
func mermaidText(s string) string {
	var b strings.Builder
	before, runes := ' ', []rune(s)
	for i, r := range runes {
		after := ' '
		if i+1 < len(runes) {
			after = runes[i+1]
		}
		if isPlain(before, r, after) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
		before = r
	}
	return b.String()
}

func isPlain(before, r, after rune) bool {
	switch r {
	case ' ', '-', '(', ')', ',':
		return true
	case '.':
		return before != 'w' // www. begins a link
	case '_':
		return isWord(before) && isWord(after) // else it may be emphasis
	case ':':
		return after == ' ' // else it may be a style
	default:
		return isWord(r)
	}
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

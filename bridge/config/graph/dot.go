package graph

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// DOT writes a graph for Graphviz.
func DOT(w io.Writer, g Graph) error {
	var b strings.Builder
	b.WriteString("digraph bridge {\n  rankdir=LR;\n  node [shape=box];\n")
	for i, group := range g.Brokers {
		fmt.Fprintf(&b, "  subgraph cluster_%s {\n    label=\"%s\";\n", brokerID(i), dotText(group.String()))
		for j, p := range group.Places {
			fmt.Fprintf(&b, "    %s [label=\"%s\"];\n", Spot{i, j}.id(), dotText(p.String()))
		}
		if len(group.Places) == 0 { // Graphviz does not draw what is empty
			fmt.Fprintf(&b, "    %s [label=\"no route uses it\", shape=plaintext];\n", brokerID(i))
		}
		b.WriteString("  }\n")
	}
	for i, r := range g.Routes {
		fmt.Fprintf(&b, "  %s [label=\"%s\", style=rounded];\n", routeID(i), dotText(r.String()))
		for _, a := range g.arrows(i) {
			fmt.Fprintf(&b, "  %s -> %s%s;\n", a.from, a.to, dotLine(a))
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func dotLine(a arrow) string {
	var attributes []string
	if a.note != "" {
		attributes = append(attributes, `label="`+dotText(a.note)+`"`)
	}
	if a.dashed {
		attributes = append(attributes, "style=dashed")
	}
	if attributes == nil {
		return ""
	}
	return " [" + strings.Join(attributes, ", ") + "]"
}

// dotText is a text between quotes, in which Graphviz also knows HTML's entities.
func dotText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '&':
			b.WriteString("&amp;")
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}

package main

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// grammar is the schema of the topology file. JSON is YAML, whose nodes keep the
// order of keys.
type grammar struct{ root *yaml.Node }

func newGrammar(schema []byte) (*grammar, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(schema, &doc); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return &grammar{doc.Content[0]}, nil
}

// apart are the settings with a table of their own, and where the grammar has
// them: * is whatever a file calls it. What two places share is shown once.
var apart = []struct{ section, path string }{
	{"file", ""},
	{"brokers", "brokers.*"},
	{"tls", "brokers.*.kafka.tls"},
	{"store", "store"},
	{"admin", "admin"},
	{"routes", "routes.*"},
	{"from", "routes.*.from"},
	{"to", "routes.*.to"},
	{"order", "routes.*.order"},
	{"retry", "routes.*.retry"},
	{"breaker", "routes.*.breaker"},
	{"dead_letter", "routes.*.dead_letter"},
	{"park", "routes.*.park"},
	{"alarms", "routes.*.alarms"},
}

// alike are described in the table of another place.
var alike = map[string]string{
	"defaults":                "routes.*",
	"routes":                  "routes.*",
	"brokers":                 "brokers.*",
	"brokers.*.amqp.tls":      "brokers.*.kafka.tls",
	"routes.*.dead_letter.to": "routes.*.to",
	"routes.*.events.to":      "routes.*.to",
}

func (g *grammar) sections() (names []string) {
	for _, a := range apart {
		names = append(names, a.section)
	}
	return names
}

// sectionOf is the section that describes a setting, or "".
func sectionOf(path string) string {
	if other := alike[path]; other != "" {
		path = other
	}
	for _, a := range apart {
		if a.path == path && path != "" {
			return a.section
		}
	}
	return ""
}

// table is the markdown of a section.
func (g *grammar) table(section string) (string, error) {
	for _, a := range apart {
		if a.section != section {
			continue
		}
		n := g.root
		for _, name := range strings.FieldsFunc(a.path, func(r rune) bool { return r == '.' }) {
			if n = below(n, name); n == nil {
				return "", fmt.Errorf("the grammar has no %q", a.path)
			}
		}
		var out strings.Builder
		out.WriteString("| key | takes | default | |\n|---|---|---|---|\n")
		rows(&out, a.path, "", n)
		return out.String(), nil
	}
	return "", fmt.Errorf("there is no section %q", section)
}

// rows writes a row for each key of a mapping, and for the keys below it that
// have no table of their own.
func rows(out *strings.Builder, path, prefix string, n *yaml.Node) {
	n = mapping(n)
	required := map[string]bool{}
	if list := get(n, "required"); list != nil {
		for _, r := range list.Content {
			required[r.Value] = true
		}
	}
	keys := get(n, "properties").Content
	for i := 0; i < len(keys); i += 2 {
		name, value := keys[i].Value, keys[i+1]
		at := strings.TrimPrefix(path+"."+name, ".")
		inner, section := mapping(value), sectionOf(at)
		nested := section == "" && get(inner, "properties") != nil
		words := takes(value)
		if section != "" {
			words = list(words, "see ["+section+"](#"+section+")")
		}
		if !nested || words != "" || isList(value) {
			fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", prefix+name, cell(words), standard(value, required[name]), cell(text(get(value, "description"))))
		}
		if nested {
			dot := "."
			if isList(value) {
				dot = "[]."
			}
			rows(out, at, prefix+name+dot, inner)
		}
	}
}

// standard is the default of a setting.
func standard(n *yaml.Node, required bool) string {
	switch v := get(n, "default"); {
	case v != nil:
		return "`" + v.Value + "`"
	case required:
		return "required"
	default:
		return ""
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func text(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	return n.Value
}

package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits of a file. Entries bound the memory of the tree, which bytes alone do
// not: 1 MiB of commas makes half a million nodes.
const (
	MaxBytes   = 1 << 20
	maxEntries = 50_000
	maxDepth   = 64
)

// parse turns bytes into a tree, or says why it cannot.
func (d *Decoder) parse(data []byte) *yaml.Node {
	data, ok := d.readable(data)
	if !ok {
		return nil
	}
	d.lines = strings.Split(string(data), "\n")
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		d.syntax(err)
		return nil
	}
	var next yaml.Node
	switch err := dec.Decode(&next); {
	case err == nil:
		d.at(mark{next.Line, next.Column}, "", "a second document begins here; a topology is one document", "")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
		return nil
	}
	d.root = doc.Content[0]
	if !d.tame(d.root, 1) {
		return nil
	}
	return d.root
}

// readable checks size and encoding and drops a byte order mark of UTF-8.
func (d *Decoder) readable(data []byte) ([]byte, bool) {
	data, _ = bytes.CutPrefix(data, []byte("\xEF\xBB\xBF"))
	msg, hint := "", ""
	switch {
	case len(data) > MaxBytes:
		msg = "the file is larger than 1 MiB"
	case isUTF16(data):
		msg, hint = "the file is UTF-16 or UTF-32", "save it as UTF-8"
	case !utf8.Valid(data):
		at := badUTF8(data)
		d.lines = []string{}
		d.at(at, "", "this is not UTF-8", "save the file as UTF-8")
		return nil, false
	case bytes.Count(data, []byte(","))+bytes.Count(data, []byte("\n")) > maxEntries:
		msg = "the file has more than 50,000 lines and commas"
	case len(bytes.TrimSpace(data)) == 0:
		msg, hint = "the file is empty", "it wants at least brokers and routes"
	}
	if msg != "" {
		d.at(mark{}, "", msg, hint)
	}
	return data, msg == ""
}

func isUTF16(data []byte) bool {
	if bytes.HasPrefix(data, []byte("\xFF\xFE")) || bytes.HasPrefix(data, []byte("\xFE\xFF")) {
		return true
	}
	// Without a mark: text has no zero bytes, and its ASCII shows as pairs with one.
	return bytes.IndexByte(data[:min(len(data), 4)], 0) >= 0
}

func badUTF8(data []byte) mark {
	at := mark{1, 1}
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n == 1 {
			break
		}
		at.col++
		if r == '\n' {
			at = mark{at.line + 1, 1}
		}
		data = data[n:]
	}
	return at
}

// tame refuses what can make a small file large, or mean something else than it
// says: anchors, aliases, merge keys, tags and deep nesting. Each is reported
// once for a subtree.
func (d *Decoder) tame(n *yaml.Node, depth int) bool {
	msg := ""
	switch {
	case depth > maxDepth:
		msg = "nested deeper than 64 levels"
	case n.Kind == yaml.AliasNode:
		msg = "aliases (*name) are not accepted; write the value out, or put it under defaults"
	case n.Anchor != "":
		msg = "anchors (&name) are not accepted; write the value out, or put it under defaults"
	case n.Style&yaml.TaggedStyle != 0:
		msg = "tags (!name) are not accepted"
	case n.Kind == yaml.ScalarNode && n.Tag == "!!merge":
		msg = "merge keys (<<) are not accepted; put what routes share under defaults"
	}
	if msg != "" {
		d.at(mark{n.Line, n.Column}, "", msg, "")
		return false
	}
	ok := true
	for _, c := range n.Content {
		ok = d.tame(c, depth+1) && ok
	}
	return ok
}

var (
	yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	tabIndent = regexp.MustCompile(`^ *\t[ \t]*[^ \t#]`)
	unquoted  = regexp.MustCompile(`[{,\[][^"']*\$\{`)
)

// syntax reports what the YAML parser said, or better: it blames tabs and
// unquoted ${…} in other words than their authors would look for.
func (d *Decoder) syntax(err error) {
	if errors.Is(err, io.EOF) {
		d.at(mark{}, "", "the file holds only comments", "it wants at least brokers and routes")
		return
	}
	if d.tabs() {
		return
	}
	line, msg := 1, "this is not YAML"
	if m := yamlError.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		line = min(max(line, 1), len(d.lines))
		msg = m[2]
	}
	// The parser quotes names, and what it takes for a name may be a password.
	if strings.Contains(msg, "anchor") {
		msg = "aliases (*name) are not accepted; a text that begins with * is quoted"
	}
	hint := ""
	if unquoted.MatchString(d.lines[line-1]) {
		hint = `inside { } and [ ] a value with ${…} is quoted: "${…}"`
	}
	d.at(mark{line, indent(d.lines[line-1]) + 1}, "", fmt.Sprintf("not YAML: %s", msg), hint)
}

func (d *Decoder) tabs() bool {
	found := false
	for i, l := range d.lines {
		if tabIndent.MatchString(l) {
			found = true
			d.at(mark{i + 1, strings.IndexByte(l, '\t') + 1}, "", "a tab in the indentation", "YAML is indented with spaces")
		}
	}
	return found
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits of a file. Entries bound the memory of the tree, which bytes alone do
// not: 1 MiB of commas makes half a million nodes.
const (
	MaxBytes   = 1 << 20
	maxEntries = 20_000
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
	case bytes.ContainsFunc(data, isForeign):
		d.foreignAt(data)
		return nil, false
	case bytes.Count(data, []byte(","))+bytes.Count(data, []byte("\n")) > maxEntries:
		msg = "the file has more than 20,000 lines and commas"
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

// isForeign reports a character that is no text: a control character, or what
// stands for bytes that are not UTF-8.
func isForeign(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\u0085", r)
}

func (d *Decoder) foreignAt(data []byte) {
	i := bytes.IndexFunc(data, isForeign)
	before := data[:i]
	at := mark{
		line: bytes.Count(before, []byte("\n")) + 1,
		col:  utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1,
	}
	if r, _ := utf8.DecodeRune(data[i:]); r != utf8.RuneError {
		d.at(at, "", "a control character", "in quotes it may be written as an escape, such as \\n")
		return
	}
	d.at(at, "", "this is not UTF-8", "save the file as UTF-8")
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
	yamlError  = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	anchorName = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
	tabIndent  = regexp.MustCompile(`^ *\t[ \t]*[^ \t#]`)
	unquoted   = regexp.MustCompile(`[{,\[][^"']*\$\{`)
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
	line, msg := d.blame(err)
	hint := ""
	if l := d.lines[line-1]; len(l) <= longestLine && unquoted.MatchString(l) {
		hint = `inside { } and [ ] a value with ${…} is quoted: "${…}"`
	}
	d.at(mark{line, indent(d.lines[line-1]) + 1}, "", fmt.Sprintf("not YAML: %s", msg), hint)
}

// blame finds line and message in what the YAML parser said.
func (d *Decoder) blame(err error) (line int, msg string) {
	m := yamlError.FindStringSubmatch(err.Error())
	if m == nil {
		return 1, "the parser gave up"
	}
	line, _ = strconv.Atoi(m[1])
	msg = m[2]
	if name := anchorName.FindStringSubmatch(msg); name != nil {
		// What the parser takes for the name of an alias may be a password.
		at := slices.IndexFunc(d.lines, func(l string) bool { return strings.Contains(l, "*"+name[1]) })
		return max(at, 0) + 1, "aliases (*name) are not accepted; a text that begins with * is quoted"
	}
	if strings.HasPrefix(msg, "did not find expected") {
		line++ // the parser, other than its scanner, counts lines from 0
	}
	line = min(max(line, 1), len(d.lines))
	for line > 1 && strings.TrimSpace(d.lines[line-1]) == "" {
		line--
	}
	return line, msg
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

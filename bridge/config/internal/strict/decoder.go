package strict

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFaults is how many faults are listed; the rest is counted. Who has more is
// looking at the wrong file.
const maxFaults = 100

// Decoder is one reading of one file.
type Decoder struct {
	name   string
	lines  []string
	root   *yaml.Node
	env    Env
	places Places
	hidden map[*yaml.Node]bool

	faults Faults
	more   int
	faulty map[string]bool // paths that have a fault already
}

// Node is a place of the file and its path.
type Node struct {
	*yaml.Node
	Path string
}

// Read decodes data by form and returns the reading, of which [Decoder.Faults]
// says whether it is of use.
func Read[T any](name string, data []byte, env Env, form Form[T], into *T) *Decoder {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	d := &Decoder{
		name: name, env: env, places: Places{},
		hidden: map[*yaml.Node]bool{}, faulty: map[string]bool{},
	}
	if root := d.parse(data); root != nil {
		form.Decode(d, Node{root, ""}, into)
	}
	return d
}

// Parsed reports whether there was a tree to decode.
func (d *Decoder) Parsed() bool { return d.root != nil && !d.faulty[""] }

// Places returns where each setting stands.
func (d *Decoder) Places() Places { return d.places }

// Add reports a fault at a path, or at what is around it. It is silent where the
// path, or what is around it, has a fault already: one mistake, one fault.
func (d *Decoder) Add(path, msg, hint string) {
	for p := path; ; p = Parent(p) {
		if d.faulty[p] {
			return
		}
		if p == "" {
			break
		}
	}
	d.at(d.places.Find(path).mark, path, msg, hint)
}

// Has reports whether the file itself sets path.
func (d *Decoder) Has(path string) bool {
	_, ok := d.places[path]
	return ok
}

// Faulty reports whether path itself has a fault.
func (d *Decoder) Faulty(path string) bool { return d.faulty[path] }

// Source is the text of a scalar as the file writes it, before expansion.
func (d *Decoder) Source(path string) string { return d.places[path].source }

func (d *Decoder) fault(n Node, msg, hint string) {
	at := mark{n.Line, n.Column}
	if p, ok := d.places[n.Path]; ok && isNull(n.Node) {
		at = p.mark // an absent value has no place of its own
	}
	d.at(at, n.Path, msg, hint)
}

func (d *Decoder) at(m mark, path, msg, hint string) {
	d.faulty[path] = true
	if d.full() {
		d.more++
		return
	}
	d.faults = append(d.faults, Fault{
		File: d.name, Line: m.line, Col: m.col,
		Path: scrub(path), Msg: scrub(msg), Hint: scrub(hint),
	})
}

// full reports that a fault would only be counted.
func (d *Decoder) full() bool { return len(d.faults) >= maxFaults }

// hide keeps a node out of every excerpt.
func (d *Decoder) hide(n *yaml.Node) { d.hidden[n] = true }

// Faults is everything found so far, in the order of the file, with excerpts.
func (d *Decoder) Faults() Faults {
	out := append(Faults(nil), d.faults...)
	hide := spans(d.root, d.hidden)
	for i, f := range out {
		if f.Line < 1 || f.Line > len(d.lines) || len(d.lines[f.Line-1]) > longestLine {
			continue
		}
		line, at := d.lines[f.Line-1], mark{f.Line, f.Col}
		if d.root == nil && d.doubtful(f.Line-1) {
			line, at.col = mask, 1
		}
		out[i].excerpt = excerpt(line, at, hide)
	}
	out.sort()
	if d.more > 0 {
		out = append(out, Fault{File: d.name, Msg: fmt.Sprintf("and %d more", d.more)})
	}
	return out
}

var (
	keyed     = regexp.MustCompile(`^[\s\-{\[]*(?:#|[\w.\-]+\s*:(?:\s|$)|[\]}])`)
	sensitive = regexp.MustCompile(`(?i)pass|secret|token|url|user|sasl|://|@`)
)

// doubtful reports whether a line of a file that did not parse may hold part of
// a secret. Without a tree only its looks can tell: it, or the line that it may
// continue, speaks of one, or it is not the beginning of a setting.
func (d *Decoder) doubtful(i int) bool {
	line := d.lines[i]
	if !keyed.MatchString(line) || sensitive.MatchString(line) {
		return strings.TrimSpace(line) != ""
	}
	return i > 0 && sensitive.MatchString(d.lines[i-1]) && indent(line) > indent(d.lines[i-1])
}

// Places is where each setting of a file stands, by path.
type Places map[string]Place

// Place is a line and column, from 1, and the text of a scalar.
type Place struct {
	mark
	source string
}

// Pos returns line and column.
func (p Place) Pos() (line, col int) { return p.line, p.col }

// Find returns the place of path, or of the nearest setting around it.
func (ps Places) Find(path string) Place {
	for {
		if p, ok := ps[path]; ok || path == "" {
			return p
		}
		path = Parent(path)
	}
}

func (ps Places) put(path string, key, value *yaml.Node) {
	at := mark{value.Line, value.Column}
	if key != nil && isNull(value) {
		at = mark{key.Line, key.Column}
	}
	ps[path] = Place{at, value.Value}
}

// Parent is the path around a path: of a.b[2] first a.b, then a, then "".
func Parent(path string) string {
	if strings.HasSuffix(path, `"`) { // a quoted key may hold dots and brackets
		return path[:max(strings.LastIndex(path, `."`), 0)]
	}
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func child(path, key string) string {
	if !plainKey.MatchString(key) {
		key = clip(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// clip quotes a text of the file and keeps it short.
func clip(text string) string {
	const longest = 60
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "…"
	}
	return strconv.Quote(text)
}

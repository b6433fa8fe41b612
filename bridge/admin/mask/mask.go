// Package mask takes out of messages what is not for everybody who looks at them:
// headers by name, and values of JSON bodies by where they are.
//
//	headers: authorization, x-*-token      the case of names means nothing, * is any text
//	fields:  password                      the member of the outermost object
//	         card.number                   a member of a member
//	         items.*.iban, items.0.iban    * is one step: any member, or any item of a list; 0 is the first item
//	         **.ssn                        ** is any number of steps, none included
//
// What remains is as it was, byte for byte: numbers keep their digits, objects
// their order. A body that cannot be looked through is not shown at all.
package mask

import (
	"slices"
	"strings"
)

// Stars stand for what is masked.
const Stars = "***"

// Step is one step of a path: a name, Any (*) or Deep (**).
type Step struct {
	Name      string
	Any, Deep bool
}

// Path leads to values of a JSON document, from its outermost value.
type Path []Step

// Rules say what is masked. The zero value and nil mask nothing.
type Rules struct {
	headers []string
	fields  *node // nil: none
}

// New compiles rules: patterns of header names, and paths of fields.
func New(headers []string, fields []Path) *Rules {
	r := &Rules{}
	for _, h := range headers {
		r.headers = append(r.headers, strings.ToLower(h))
	}
	if len(fields) > 0 {
		r.fields = &node{}
	}
	for _, p := range fields {
		r.fields.add(p)
	}
	return r
}

// None reports whether nothing is masked.
func (r *Rules) None() bool { return r == nil || len(r.headers) == 0 && r.fields == nil }

// Fields reports whether anything in bodies is masked.
func (r *Rules) Fields() bool { return r != nil && r.fields != nil }

// Header reports whether the value of a header is masked.
func (r *Rules) Header(name string) bool {
	if r == nil {
		return false
	}
	name = strings.ToLower(name)
	return slices.ContainsFunc(r.headers, func(pattern string) bool { return glob(pattern, name) })
}

// glob matches a name with a pattern in which * is any text.
func glob(pattern, name string) bool {
	first, rest, stars := strings.Cut(pattern, "*")
	if !stars {
		return name == pattern
	}
	name, ok := strings.CutPrefix(name, first)
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name = name[at+len(part):]
	}
	return ok && strings.HasSuffix(name, last)
}

// node is a place in the tree of all paths. Names are in lower case: readers of
// JSON take Password for password.
type node struct {
	names map[string]*node
	any   *node
	deep  *node // after any number of steps
	loops bool  // it is such a one, and stays where it is
	ends  bool  // a path ends here
}

func (n *node) add(p Path) {
	for _, step := range p {
		n = n.next(step)
	}
	n.ends = true
}

// next is where a step leads, made if it is new.
func (n *node) next(step Step) *node {
	to := &n.any
	switch {
	case step.Deep && n.loops: // ** behind ** adds nothing
		return n
	case step.Deep:
		to = &n.deep
	case !step.Any:
		if n.names == nil {
			n.names = map[string]*node{}
		}
		name := strings.ToLower(step.Name)
		if n.names[name] == nil {
			n.names[name] = &node{}
		}
		return n.names[name]
	}
	if *to == nil {
		*to = &node{loops: step.Deep}
	}
	return *to
}

// places are all nodes that a value of a document is at.
type places []*node

// with adds a node, and where ** leads without a step.
func (ps places) with(n *node) places {
	for ; n != nil && !slices.Contains(ps, n); n = n.deep {
		ps = append(ps, n)
	}
	return ps
}

// step goes on to a member or an item.
func (ps places) step(name string) (next places) {
	if len(ps) == 0 {
		return nil
	}
	name = strings.ToLower(name)
	for _, n := range ps {
		if n.loops {
			next = next.with(n)
		}
		next = next.with(n.names[name]).with(n.any)
	}
	return next
}

func (ps places) end() bool {
	return slices.ContainsFunc(ps, func(n *node) bool { return n.ends })
}

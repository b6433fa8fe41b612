package mask

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxBody is how large a body is looked through, in bytes.
	MaxBody = 1 << 20
	// MaxDepth is how deep lists and objects of a body may be nested.
	MaxDepth = 200
)

// Body masks the fields of a body. Found are the values that were masked. Why is
// empty, or says why it cannot be looked through: then there is nothing to show.
func (r *Rules) Body(body []byte) (shown []byte, found *Values, why string) {
	if !r.Fields() || len(body) == 0 {
		return body, &Values{}, ""
	}
	s := scan{in: body, found: &Values{}, names: func(string) bool { return false }}
	return s.document(places{}.with(r.fields))
}

// Sidecar masks the headers of a message that a header holds as JSON, in objects
// by their names.
func (r *Rules) Sidecar(value string) (shown string, found *Values, why string) {
	s := scan{in: []byte(value), found: &Values{}, names: func(name string) bool {
		if text, ok := strings.CutPrefix(name, "base64:"); ok { // a name that is no text
			raw, err := base64.StdEncoding.DecodeString(text)
			return err != nil || r.Header(string(raw))
		}
		return r.Header(name)
	}}
	out, found, why := s.document(nil)
	return string(out), found, why
}

// scan copies a document but for what is masked.
type scan struct {
	in, out  []byte
	at, from int // where it reads; from where nothing was copied yet
	found    *Values
	names    func(string) bool // which members are masked wherever they are
	deep     bool              // too deep to go on
}

func (s *scan) document(where places) (shown []byte, found *Values, why string) {
	switch {
	case len(s.in) > MaxBody:
		return nil, s.found, "it is larger than 1 MiB, and is not looked through for what is to be masked"
	case !utf8.Valid(s.in), !json.Valid(s.in):
		return nil, s.found, "it is no JSON, in which what is to be masked could be found"
	}
	s.value(where, false, 0)
	if s.deep {
		return nil, s.found, "it is nested deeper than " + strconv.Itoa(MaxDepth) + " levels, and is not looked through for what is to be masked"
	}
	if s.from == 0 {
		return s.in, s.found, ""
	}
	return append(s.out, s.in[s.from:]...), s.found, ""
}

// value reads a value, which is masked if it was told so or a path ends here.
func (s *scan) value(where places, masked bool, depth int) {
	s.space()
	if masked = masked || where.end(); masked {
		s.out = append(s.out, s.in[s.from:s.at]...)
		s.out = append(s.out, `"`+Stars+`"`...)
		s.skip()
		s.from = s.at
		return
	}
	switch s.in[s.at] {
	case '{', '[':
		s.compound(where, depth+1)
	default:
		s.scalar()
	}
}

// compound reads an object or a list.
func (s *scan) compound(where places, depth int) {
	if s.deep = s.deep || depth > MaxDepth; s.deep {
		return
	}
	object := s.in[s.at] == '{'
	s.at++
	for i := 0; !s.deep; i++ {
		if s.space(); s.in[s.at] == ']' || s.in[s.at] == '}' {
			s.at++
			return
		}
		if s.in[s.at] == ',' {
			s.at++
			s.space()
		}
		name := strconv.Itoa(i)
		if object {
			name = unquoted(s.scalar())
			s.space()
			s.at++ // the colon
		}
		s.value(where.step(name), object && s.names(name), depth)
	}
}

// skip reads a value to be masked, and notes all that is in it.
func (s *scan) skip() {
	for depth := 0; ; {
		switch s.space(); s.in[s.at] {
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		case ',', ':':
			s.at++
		default:
			s.found.add(string(s.scalar()))
		}
		if depth == 0 {
			return
		}
	}
}

// scalar reads a string, a number or a word.
func (s *scan) scalar() []byte {
	from := s.at
	if s.in[s.at] == '"' {
		for s.at++; s.in[s.at] != '"'; s.at++ {
			if s.in[s.at] == '\\' {
				s.at++
			}
		}
		s.at++
		return s.in[from:s.at]
	}
	for s.at < len(s.in) && !strings.ContainsRune(",:]} \t\r\n", rune(s.in[s.at])) {
		s.at++
	}
	return s.in[from:s.at]
}

func (s *scan) space() {
	for s.at < len(s.in) && strings.ContainsRune(" \t\r\n", rune(s.in[s.at])) {
		s.at++
	}
}

// unquoted is the text of a JSON string.
func unquoted(quoted []byte) (text string) {
	_ = json.Unmarshal(quoted, &text) // the document is valid
	return text
}

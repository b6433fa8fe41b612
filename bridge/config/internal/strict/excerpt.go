package strict

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	mask = "[redacted]"

	// Characters shown on either side of the caret.
	excerptSide = 60

	// Bytes of a line that is worth an excerpt; a longer one is no text that a
	// person wrote.
	longestLine = 4 << 10
)

// userInfo is a password in a URL, wherever it stands: in a value of the wrong
// place, a key, a comment. It reaches to the last @, because an unescaped one may
// be part of the password.
var userInfo = regexp.MustCompile(`://.*@`)

func scrub(s string) string { return userInfo.ReplaceAllString(s, "://"+mask+"@") }

// span is a hidden part of the file; to is where the next node begins.
type span struct{ from, to mark }

type mark struct{ line, col int }

func (m mark) before(o mark) bool {
	return m.line < o.line || m.line == o.line && m.col < o.col
}

// spans lists the hidden parts below root. A scalar does not know where it ends,
// so a hidden one reaches to the next node: rather a comma too much than a
// character of a secret.
func spans(root *yaml.Node, hidden map[*yaml.Node]bool) []span {
	var out []span
	open := false
	end := mark{line: 1 << 30}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		at := mark{n.Line, n.Column}
		if hidden[n] {
			if !open {
				out, open = append(out, span{at, end}), true
			}
			return
		}
		if open {
			out[len(out)-1].to, open = at, false
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	if root != nil && len(hidden) > 0 {
		walk(root)
	}
	return out
}

// excerpt renders one line with a caret under col, without what spans hide and
// without what looks like a login.
func excerpt(line string, at mark, hide []span) string {
	line = strings.TrimRight(line, "\r")
	for _, m := range userInfo.FindAllStringIndex(line, -1) {
		from := utf8.RuneCountInString(line[:m[0]]) + len("://") + 1
		to := utf8.RuneCountInString(line[:m[1]])
		hide = append(hide[:len(hide):len(hide)], span{mark{at.line, from}, mark{at.line, to}})
	}
	var out []rune
	caret, masked, col := 0, false, 0
	layout := leading(line, at.line, hide)
	for _, r := range line {
		col++
		if col == at.col {
			caret = len(out)
		}
		secret := col > layout && within(mark{at.line, col}, hide) && (masked || !unicode.IsSpace(r))
		switch {
		case !secret:
			if masked && r != '@' {
				out = append(out, ' ')
			}
			out = append(out, printable(r))
		case !masked:
			out = append(out, []rune(mask)...)
		}
		masked = secret
	}
	if at.col > col {
		caret = len(out)
	}
	return render(out, caret)
}

// leading counts the characters of indentation, dashes and brackets at the begin
// of a line, if a node follows that is not hidden: a secret of the line before
// reaches up to it, but they are no part of it.
func leading(line string, number int, hide []span) int {
	n := 0
	for _, r := range line {
		if !strings.ContainsRune(" -?{[", r) {
			break
		}
		n++
	}
	if within(mark{number, n + 1}, hide) {
		return 0
	}
	return n
}

func within(at mark, hide []span) bool {
	for _, s := range hide {
		if !at.before(s.from) && at.before(s.to) {
			return true
		}
	}
	return false
}

// printable keeps a file from writing to the terminal what is not text.
func printable(r rune) rune {
	if r == '\t' {
		return ' '
	}
	if !unicode.IsPrint(r) {
		return '\uFFFD'
	}
	return r
}

// render cuts a long line around the caret.
func render(text []rune, caret int) string {
	left, right := text[:caret], text[caret:]
	if len(left) > excerptSide {
		left = append([]rune("…"), left[len(left)-excerptSide:]...)
	}
	if len(right) > excerptSide {
		right = append(right[:excerptSide:excerptSide], '…')
	}
	gutter := "    "
	return gutter + string(left) + string(right) + "\n" +
		gutter + strings.Repeat(" ", len(left)) + "^\n"
}

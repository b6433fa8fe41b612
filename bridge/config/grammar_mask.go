package config

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

const (
	maxMasks = 200 // patterns or paths, each
	maxSteps = 32  // of a path

	traceMark = "{trace}"
)

func maskForm() strict.Form[Mask] {
	return strict.Object[Mask]{
		Meant: map[string]string{"header": "headers", "body": "fields", "json": "fields", "paths": "fields", "field": "fields"},
		Fields: []strict.Field[Mask]{
			strict.Opt("headers", func(m *Mask) *[]string { return &m.Headers },
				strict.List[string]{Item: headerPatternForm(), Single: true, Most: maxMasks},
				"Names of headers, whose case means nothing; * is any text, as in x-*-token."),
			strict.Opt("fields", func(m *Mask) *[]FieldPath { return &m.Fields },
				strict.List[FieldPath]{Item: fieldPathForm(), Single: true, Most: maxMasks},
				"Paths of JSON bodies, as in card.number or items.*.iban; * is one step, ** any number of steps."),
		},
	}
}

func headerPatternForm() strict.Scalar[string] {
	s := strict.String()
	s.Want = "a name of headers such as authorization or x-*-token"
	s.Parse = func(text string) (string, error) {
		if text == "" || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			return "", &strict.Mismatch{Hint: "names have no blanks here: * stands for them, too"}
		}
		return strings.ToLower(text), nil
	}
	return s
}

// fieldStep is a step of a path and the dot behind it.
var fieldStep = regexp.MustCompile(`^(?:[A-Za-z0-9_-]+|"[^"]+"|\*\*?)(?:\.|$)`)

func fieldPathForm() strict.Scalar[FieldPath] {
	return strict.Scalar[FieldPath]{
		Type: strict.Text, Want: "a path such as password, card.number, *.ssn or items.*.iban",
		Shape: strict.Schema{Type: "string", Pattern: `^([A-Za-z0-9_-]+|"[^"]+"|\*\*?)(\.([A-Za-z0-9_-]+|"[^"]+"|\*\*?))*$`},
		Parse: parseFieldPath,
	}
}

func parseFieldPath(text string) (path FieldPath, err error) {
	for rest := text; ; {
		step := fieldStep.FindString(rest)
		if step == "" {
			return nil, &strict.Mismatch{Hint: `steps have dots between them, and quotes if they are not of letters, digits, _ and -: customer."e-mail address".*`}
		}
		rest = rest[len(step):]
		name := strings.TrimSuffix(step, ".")
		if inner, ok := unquote(name); ok {
			path = append(path, PathStep{Name: inner})
		} else {
			path = append(path, stepOf(name))
		}
		if len(path) > maxSteps {
			return nil, &strict.Mismatch{Want: "a path of at most 32 steps"}
		}
		if !strings.HasSuffix(step, ".") {
			return path, nil
		}
	}
}

func stepOf(name string) PathStep {
	switch name {
	case "*":
		return PathStep{Any: true}
	case "**":
		return PathStep{Deep: true}
	}
	return PathStep{Name: name}
}

func traceURLForm() strict.Scalar[string] {
	s := strict.String()
	s.Want = "a URL such as https://jaeger.example/trace/" + traceMark
	s.Parse = func(text string) (string, error) {
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			return "", &strict.Mismatch{Hint: "it begins with https:// or http://, and a host"}
		case u.User != nil:
			return "", &strict.Mismatch{Hint: "without user and password: it is shown to whoever asks"}
		case !strings.Contains(text, traceMark):
			return "", &strict.Mismatch{Hint: traceMark + " stands where the id of a trace comes"}
		}
		return text, nil
	}
	return s
}

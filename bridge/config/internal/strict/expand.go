package strict

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Env looks up a variable, as os.LookupEnv does.
type Env func(name string) (string, bool)

// longestSecret bounds what ${file:…} reads.
const longestSecret = 64 << 10

// foreign reports whether part of a text comes from outside the file.
func foreign(text string) bool { return strings.Contains(text, "${") }

// fromFile reports whether part of a text may come from another file.
func fromFile(text string) bool { return strings.Contains(text, "${file:") }

// expand replaces ${NAME}, ${NAME:-default}, ${file:path} and $$. A dollar sign
// before anything else stands for itself. Errors never hold a value.
func expand(text string, env Env) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		switch {
		case !found:
			return out.String(), nil
		case strings.HasPrefix(rest, "$"):
			out.WriteByte('$')
			text = rest[1:]
		case strings.HasPrefix(rest, "{"):
			inner, after, closed := strings.Cut(rest[1:], "}")
			if !closed {
				return "", errors.New("${ without its }")
			}
			value, err := resolve(inner, env)
			if err != nil {
				return "", err
			}
			out.WriteString(value)
			text = after
		default:
			out.WriteByte('$')
			text = rest
		}
	}
}

func resolve(inner string, env Env) (string, error) {
	if path, ok := strings.CutPrefix(inner, "file:"); ok {
		return readSecret(path)
	}
	name, fallback, hasFallback := strings.Cut(inner, ":-")
	if !isVariable(name) {
		return "", errors.New("${…} wants a variable name, ${NAME}, ${NAME:-default} or ${file:path}")
	}
	value, set := env(name)
	switch {
	case value != "":
		return value, nil
	case hasFallback:
		return fallback, nil
	case set:
		return "", nil
	default:
		return "", fmt.Errorf("the environment variable %s is not set, and has no default", name)
	}
}

func isVariable(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// readSecret reads a regular file; a pipe or device would never end.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", clip(path))
	}
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", clip(path), reason(err))
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", clip(path), reason(err))
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, longestSecret+1))
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", clip(path), reason(err))
	}
	if len(data) > longestSecret {
		return "", fmt.Errorf("%s is larger than 64 KiB", clip(path))
	}
	return trimNewline(string(data)), nil
}

func trimNewline(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}

// reason is the error without the path, which is quoted by the caller already.
func reason(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

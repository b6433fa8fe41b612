package ordering

import (
	"bytes"
	"errors"

	"github.com/tidwall/gjson"
)

// deepestJSON is how deep a body may be nested, as in encoding/json. What checks a
// body calls itself for each level, and a stack that is too large ends the process.
const deepestJSON = 10_000

var (
	errNoJSON   = errors.New("the body is not JSON")
	errDeepJSON = errors.New("the body is nested more than 10,000 deep")
)

func checkJSON(body []byte) error {
	switch {
	case isDeep(body):
		return errDeepJSON
	case !gjson.ValidBytes(body):
		return errNoJSON
	}
	return nil
}

// isDeep reports whether a body is nested too deeply. Most have not even so many
// brackets.
func isDeep(body []byte) bool {
	if len(body) <= deepestJSON || bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) <= deepestJSON {
		return false
	}
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[', c == '{':
			if depth++; depth > deepestJSON {
				return true
			}
		case c == ']', c == '}':
			depth--
		}
	}
	return false
}

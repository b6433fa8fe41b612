package config

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// Every key that the grammar knows stands in a good file, in its place: what the
// corpus does not have, nothing here would notice when it breaks.
func TestEveryKeyIsInTheCorpus(t *testing.T) {
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	places, used := map[string]bool{}, map[string]bool{}
	keysOfSchema(places, "", doc.(map[string]any))
	for _, path := range slices.Concat(corpus(t, "good"), examples(t)) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := yaml.Unmarshal(bytes.TrimPrefix(text, []byte(byteOrderMark)), &v); err != nil {
			t.Fatal(err)
		}
		keysOfFile(used, places, "", v)
	}
	known, used := grammars(places), grammars(used)
	if len(known) < 60 {
		t.Fatalf("only %d keys were found", len(known))
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		if !used[key] {
			t.Errorf("no good file has %s", key)
		}
	}
}

// grammars leaves one place of what the same table reads in several.
func grammars(keys map[string]bool) map[string]bool {
	once := strings.NewReplacer("defaults.", "routes.", "dead_letter.to.", "to.", "events.to.", "to.", "amqp.tls.", "kafka.tls.")
	out := map[string]bool{}
	for key := range keys {
		out[once.Replace(key)] = true
	}
	return out
}

// keysOfSchema finds the keys of mappings by their path; * is a name that a file
// chooses. Items of a list have the path of the list, what may stand in several
// forms has the keys of all of them.
func keysOfSchema(keys map[string]bool, path string, s map[string]any) {
	for name, p := range mapOf(s["properties"]) {
		keys[path+"."+name] = true
		keysOfSchema(keys, path+"."+name, mapOf(p))
	}
	if other := mapOf(s["additionalProperties"]); other != nil {
		keysOfSchema(keys, path+".*", other)
	}
	if items := mapOf(s["items"]); items != nil {
		keysOfSchema(keys, path, items)
	}
	forms, _ := s["anyOf"].([]any)
	for _, form := range forms {
		keysOfSchema(keys, path, mapOf(form))
	}
}

func mapOf(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func keysOfFile(used, known map[string]bool, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			at := path + "." + name
			if !known[at] {
				at = path + ".*"
			}
			used[at] = true
			keysOfFile(used, known, at, e)
		}
	case []any:
		for _, e := range v {
			keysOfFile(used, known, path, e)
		}
	}
}

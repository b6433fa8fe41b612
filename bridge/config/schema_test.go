package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const schemaFile = "../../configs/bridge.schema.json"

func TestSchemaFileIsGenerated(t *testing.T) {
	got, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, schemaFile, string(got))
}

// A good file is valid. A bad one says on its first line what the schema makes
// of it: "refuses" it, or is not asked ("skip") because it is not one YAML
// document; without a word its fault is of a kind that a schema cannot see.
func TestSchemaAgreesWithLoad(t *testing.T) {
	schema := compiled(t)
	for _, path := range append(examples(t), corpus(t, "good")...) {
		if err := validate(t, schema, path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range corpus(t, "bad") {
		data, _ := os.ReadFile(path)
		first, _, _ := strings.Cut(string(data), "\n")
		if word := strings.TrimPrefix(first, "# schema: "); word != "skip" && isUTF8(data) {
			if err := validate(t, schema, path); (err != nil) != (word == "refuses") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func isUTF8(data []byte) bool {
	return len(data) > 0 && bytes.IndexByte(data, 0) < 0 && !bytes.Contains(data, []byte("caf\xe9"))
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("bridge.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("bridge.schema.json")
}

func validate(t *testing.T, schema *jsonschema.Schema, path string) error {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(bytes.TrimPrefix(data, []byte(byteOrderMark)), &v); err != nil {
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	return schema.Validate(textTimes(v))
}

// textTimes undoes what the YAML library makes of times; editors do not.
func textTimes(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = textTimes(e)
		}
	case []any:
		for i, e := range v {
			v[i] = textTimes(e)
		}
	case interface{ Format(string) string }:
		return v.Format("2006-01-02T15:04:05Z07:00")
	}
	return v
}

// An editor shows a description for every key.
func TestSchemaDescribesEveryKey(t *testing.T) {
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	described(t, "", doc)
}

func described(t *testing.T, path string, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			described(t, path, e)
		}
	case map[string]any:
		for name, p := range v {
			described(t, path+"."+name, p)
			if strings.HasSuffix(path, ".properties") && p.(map[string]any)["description"] == nil {
				t.Errorf("%s.%s has no description", path, name)
			}
		}
	}
}

package main

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// get is the value of a key of a mapping, or nil.
func get(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// choices are the alternatives of a place, without any text that holds a value
// from outside: such may stand anywhere.
func choices(n *yaml.Node) (all []*yaml.Node) {
	any := get(n, "anyOf")
	if any == nil {
		return []*yaml.Node{n}
	}
	for _, c := range any.Content {
		if text(get(c, "pattern")) != `\$\{` {
			all = append(all, choices(c)...)
		}
	}
	return all
}

// mapping is the alternative of a place that is a mapping with keys, also as an
// item of a list; the place itself, if there is none.
func mapping(n *yaml.Node) *yaml.Node {
	for _, c := range choices(n) {
		if get(c, "properties") != nil {
			return c
		}
		if items := get(c, "items"); items != nil && get(mapping(items), "properties") != nil {
			return mapping(items)
		}
	}
	return n
}

func isList(n *yaml.Node) bool {
	return slices.ContainsFunc(choices(n), func(c *yaml.Node) bool { return get(c, "items") != nil })
}

// below is what stands at a key, or at whatever key or item a file has: *.
func below(n *yaml.Node, name string) *yaml.Node {
	if name != "*" {
		return get(get(mapping(n), "properties"), name)
	}
	for _, c := range choices(n) {
		if items := get(c, "items"); items != nil {
			return items
		}
		if other := get(c, "additionalProperties"); other != nil && other.Kind == yaml.MappingNode {
			return other
		}
	}
	return nil
}

// takes says what may be written at a place: "" if that is a mapping.
func takes(n *yaml.Node) string {
	var words []string
	for _, c := range choices(n) {
		if w := one(c); w != "" && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	// A size is a number of bytes as well.
	if slices.Contains(words, "a size") {
		words = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "a number") })
	}
	return list(words...)
}

func list(words ...string) string {
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return strings.Join(words, ", ")
}

func one(n *yaml.Node) string {
	if c := get(n, "const"); c != nil {
		return "`" + c.Value + "`"
	}
	if enum := get(n, "enum"); enum != nil {
		var words []string
		for _, e := range enum.Content {
			words = append(words, "`"+e.Value+"`")
		}
		return list(words...)
	}
	switch kind := text(get(n, "type")); kind {
	case "boolean":
		return "`true`, `false`"
	case "integer", "number":
		return number(kind, n)
	case "string":
		return shaped(text(get(n, "pattern")))
	case "array":
		if w := takes(get(n, "items")); w != "" {
			return "a list"
		}
		return "a list of mappings"
	default:
		return object(n)
	}
}

// object is "" for a mapping whose keys have rows.
func object(n *yaml.Node) string {
	switch {
	case get(n, "propertyNames") != nil:
		return "a mapping"
	case get(n, "properties") == nil:
		return "`{}`"
	default:
		return ""
	}
}

func number(kind string, n *yaml.Node) string {
	low, over, high := text(get(n, "minimum")), text(get(n, "exclusiveMinimum")), text(get(n, "maximum"))
	words := "a number"
	switch {
	case over != "":
		words += " over " + over
	case low != "" && high == "":
		return words + " from " + low
	case low != "":
		words += " " + low
	}
	if high != "" {
		words = fmt.Sprintf("%s to %s", words, high)
	}
	if kind == "number" {
		words += ", also with a point"
	}
	return words
}

// shaped are texts of a form, which the page explains under Values.
func shaped(pattern string) string {
	for _, s := range []struct{ part, words string }{
		{"(ns|us|", "a duration"},
		{"[kKMGT]", "a size"},
		{"^(header", "a field"},
		{"^(body|revision", "`body`, `revision`, `header.X`, `json.path`"},
		{"^(earliest|latest", "`earliest`, `latest`, a time"},
		{"{0,62}", "a name"},
		{" of ", "a share such as `25 of 100`"},
	} {
		if strings.Contains(pattern, s.part) {
			return s.words
		}
	}
	return "a text"
}

package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// relays are the places that log what they are given; their texts are found where
// they are given: as the second argument of trouble, and in these fields.
var (
	relays      = []string{"bridge/follower.go", "bridge/broker/internal/told/told.go"}
	relayFields = []string{"ill", "shut"}
)

// constant is the text of an expression of literals, which may be added up.
func constant(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		a, first := constant(e.X)
		b, second := constant(e.Y)
		return a + b, first && second && e.Op == token.ADD
	}
	return "", false
}

// warnings finds the messages that a file logs at warn or error, and the places where
// the message is no constant.
func warnings(t *testing.T, path string, found map[string]string) {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, filepath.Join(root, path), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	note := func(e ast.Expr, where token.Pos) {
		if text, ok := constant(e); ok {
			found[text] = path
		} else if !slices.Contains(relays, path) {
			t.Errorf("%s logs what is no constant: put values into attributes", files.Position(where))
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if name, ok := n.Key.(*ast.Ident); ok && slices.Contains(relayFields, name.Name) {
				note(n.Value, n.Pos())
			}
		case *ast.CallExpr:
			if at := messageAt(n); at >= 0 && len(n.Args) > at {
				note(n.Args[at], n.Pos())
			}
		}
		return true
	})
}

// messageAt is which argument of a call is logged; negative: none.
func messageAt(call *ast.CallExpr) int {
	called, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return -1
	}
	if on, ok := called.X.(*ast.Ident); ok && on.Name == "http" {
		return -1
	}
	return map[string]int{"Warn": 1, "Error": 1, "WarnContext": 2, "ErrorContext": 2, "trouble": 2}[called.Sel.Name] - 1
}

// TestLogsAreExplained: docs/logs.md has each message that the bridge logs at warn or
// error, and no other.
func TestLogsAreExplained(t *testing.T) {
	found := map[string]string{}
	for _, dir := range []string{"bridge", "ordering", "cmd/bridge"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			path = strings.TrimPrefix(path, root+"/")
			switch {
			case err != nil:
				return err
			case d.IsDir() && (path == "bridge/internal" || path == "bridge/doctor" || path == "bridge/demo" || d.Name() == "testdata" || strings.HasSuffix(d.Name(), "test")):
				return fs.SkipDir
			case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && path != "bridge/broker/stock/log.go":
				warnings(t, path, found)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 40 {
		t.Fatalf("only %d messages were found", len(found))
	}
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]{10,} \\| [^|]{3,} \\|$").FindAllStringSubmatch(read(t, filepath.Join(root, "docs/logs.md")), -1) {
		explained[row[1]] = true
	}
	for _, text := range slices.Sorted(maps.Keys(found)) {
		if !explained[text] {
			t.Errorf("docs/logs.md does not explain %q of %s", text, found[text])
		}
	}
	for text := range explained {
		if found[text] == "" {
			t.Errorf("docs/logs.md explains %q, which nothing logs", text)
		}
	}
}

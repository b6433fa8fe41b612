package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

// secretWord is every password of the corpus and of its environment.
const secretWord = "hunter2"

// corpusEnv is the environment of every file of the corpus.
func corpusEnv(name string) (string, bool) {
	v, ok := map[string]string{
		"SET":          "set",
		"EMPTY":        "",
		"SECRET":       secretWord,
		"SECRET_UPPER": strings.ToUpper(secretWord),
		"SEEDS":        "a:1, b:2",
		"NAME":         "orders",
		"WINDOW":       "10",
		"MAPPING":      "{ attempts: 3 }",
		"MULTILINE":    "a\nb: c",
	}[name]
	return v, ok
}

func corpus(t testing.TB, kind string) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/" + kind + "/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no corpus %q: %v", kind, err)
	}
	return paths
}

func TestGoodFilesLoad(t *testing.T) {
	for _, path := range corpus(t, "good") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if _, err := Load(path, corpusEnv); err != nil {
				t.Fatal(report(err))
			}
		})
	}
}

// Each bad file has its exact messages and excerpts beside it.
func TestE4BadFilesSayWhy(t *testing.T) {
	for _, path := range corpus(t, "bad") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, err := Load(path, corpusEnv)
			if err == nil {
				t.Fatal("it loads")
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", filepath.ToSlash(report(err)))
		})
	}
}

func TestI11NoSecretInFaults(t *testing.T) {
	for _, path := range corpus(t, "bad") {
		_, err := Load(path, corpusEnv)
		if text := fmt.Sprint(report(err), err); strings.Contains(strings.ToLower(text), secretWord) {
			t.Errorf("%s:\n%s", path, text)
		}
	}
}

// A fault has a place, unless it is about the file as a whole, and its excerpt
// never breaks a terminal.
func TestE4FaultsHavePlaces(t *testing.T) {
	for _, path := range corpus(t, "bad") {
		_, err := Load(path, corpusEnv)
		var faults Faults
		if !errors.As(err, &faults) {
			t.Fatalf("%s: %v", path, err)
		}
		for _, f := range faults {
			if f.Path != "" && f.Line == 0 {
				t.Errorf("%s: no line: %v", path, f)
			}
			if lines := strings.Count(f.Excerpt(), "\n"); lines != 0 && lines != 2 || strings.ContainsAny(f.Excerpt(), "\x1b\r\t") {
				t.Errorf("%s: excerpt %q", path, f.Excerpt())
			}
		}
	}
}

func report(err error) string {
	if faults, ok := errors.AsType[Faults](err); ok {
		return faults.Report()
	}
	return fmt.Sprint(err)
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update rewrites it)\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

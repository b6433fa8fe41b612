package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// choice is a flag whose values are known.
type choice struct {
	value string
	of    []string
}

func (c *choice) String() string { return c.value }

// Type is what help shows for the value.
func (c *choice) Type() string { return strings.Join(c.of, "|") }

// Set takes one of the values.
func (c *choice) Set(v string) error {
	if !slices.Contains(c.of, v) {
		return fmt.Errorf("want %s", strings.Join(c.of, ", "))
	}
	c.value = v
	return nil
}

// flag adds the choice to a command; the first value is the default.
func (c *choice) flag(cmd *cobra.Command, name, shorthand, usage string, of ...string) {
	c.of, c.value = of, of[0]
	cmd.Flags().VarP(c, name, shorthand, usage)
	// It fails only for flags that do not exist.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(of, cobra.ShellCompDirectiveNoFileComp))
}

// column is one column of a table.
type column[T any] struct {
	name string
	of   func(T) string
}

// listing is a list and the ways to show it.
type listing[T any] struct {
	columns []column[T]
	none    string // what to say if there is nothing
	limit   int    // 0: none. The list has one more where there are more
}

// print shows items as a table, as a JSON array or as a JSON object per line.
func (l listing[T]) print(cmd *cobra.Command, format string, items iter.Seq2[T, error]) error {
	out := cmd.OutOrStdout()
	shown, more := []T{}, false
	for item, err := range items {
		if err != nil {
			return err
		}
		if more = l.limit > 0 && len(shown) == l.limit; more {
			break
		}
		shown = append(shown, item)
	}
	switch format {
	case "json":
		if err := printJSON(out, shown, "  "); err != nil {
			return err
		}
	case "jsonl":
		for _, item := range shown {
			if err := printJSON(out, item, ""); err != nil {
				return err
			}
		}
	default:
		if err := l.table(out, shown); err != nil {
			return err
		}
		if len(shown) == 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), l.none)
		}
	}
	if more {
		fmt.Fprintf(cmd.ErrOrStderr(), "there are more than %d: --limit N shows more, --limit 0 all\n", l.limit)
	}
	return nil
}

// sequence is a list that is there already.
func sequence[T any](items []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

func (l listing[T]) table(out io.Writer, items []T) error {
	if len(items) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	var cells []string
	for _, c := range l.columns {
		cells = append(cells, c.name)
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
	for _, item := range items {
		cells = cells[:0]
		for _, c := range l.columns {
			cell := short(printable(c.of(item)), 60)
			if cell == "" {
				cell = "-"
			}
			cells = append(cells, cell)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

func printJSON(out io.Writer, v any, indent string) error {
	var doc bytes.Buffer
	enc := json.NewEncoder(&doc)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(out, visibleJSON(doc.Bytes()))
	return err
}

// instant is a time as operators compare it with their logs.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// number is a number that may be absent.
func number[T int | int64](n *T) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

// What is sent at once.
const (
	maxBatch      = 100
	maxBatchBytes = 8 << 20
)

const importLong = `Adds dead letters that bridge dlq export wrote, of this bridge or another. They belong
to no lane: redriven, they arrive like messages of the source. What is there already,
by its ID, is left alone, so an import that broke off is simply made again.

All lines of a file are looked at before the first is sent; one that is broken is
named, and nothing is imported. Standard input is taken as it comes: a broken line ends
it, and what came before is there.`

func newDLQImport() *cobra.Command {
	var f changing
	cmd := &cobra.Command{
		Use: "import FILE|-", Short: "Add dead letters that were exported", Args: one("FILE"), Long: importLong,
		Example: "  bridge dlq import letters.jsonl --route orders --reason 'moved from the old bridge'",
		RunE: does(func(cmd *cobra.Command, args []string) error {
			c, ch, err := f.begin(cmd)
			if err != nil {
				return err
			}
			routes, err := f.routes(cmd.Context(), c)
			switch {
			case err != nil:
				return err
			case len(routes) != 1:
				return &exitError{invalid, errors.New("say which route they are for, with --route"), ""}
			}
			i := importing{cmd: cmd, client: c, route: routes[0], change: ch, format: f.output.value}
			if args[0] == "-" {
				return i.run(cmd.InOrStdin(), 0)
			}
			return i.file(args[0])
		}),
	}
	f.addRoute(cmd)
	cmd.Flags().Lookup("route").Usage = "the route that they are for; required where there are several"
	return cmd
}

// importing is an import under way.
type importing struct {
	cmd    *cobra.Command
	client *client.Client
	route  string
	change api.Change
	format string

	batch       []api.Letter
	bytes       int // of the batch
	first       int // line of the batch
	added, seen int64
}

// file looks at all lines, then sends them.
func (i *importing) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return &exitError{invalid, fmt.Errorf("import: %w", err), ""}
	}
	defer func() { _ = f.Close() }()
	total := int64(0)
	err = eachLetter(f, func(api.Letter, int, int) error {
		total++
		return i.cmd.Context().Err()
	})
	if err != nil {
		return brokenLine(err, "nothing was imported")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return &exitError{invalid, fmt.Errorf("import: %w", err), "a pipe is given as -"}
	}
	return i.run(f, total)
}

// run sends letters in batches. What was added before something breaks is told.
func (i *importing) run(in io.Reader, total int64) error {
	b := newBar(i.cmd)
	defer b.end()
	err := eachLetter(in, func(l api.Letter, line, bytes int) error {
		if len(i.batch) == maxBatch || len(i.batch) > 0 && i.bytes+bytes > maxBatchBytes {
			if err := i.send(); err != nil {
				return err
			}
			b.show(fmt.Sprintf("%s read, %s added", some64(i.seen, "dead letter"), count(i.added)), i.seen, total)
		}
		if len(i.batch) == 0 {
			i.first = line
		}
		i.batch, i.bytes = append(i.batch, l), i.bytes+bytes
		return nil
	})
	if sent := i.send(); err == nil {
		err = sent
	}
	b.end()
	if err != nil {
		rest := "nothing was imported"
		if i.added > 0 {
			rest = some64(i.added, "dead letter") + " added before that; asked for again, what is there is left alone"
		}
		return brokenLine(err, rest)
	}
	return i.tell()
}

// send imports the batch. One that was refused is not sent again.
func (i *importing) send() error {
	if len(i.batch) == 0 {
		return nil
	}
	letters := i.batch
	i.batch, i.bytes = nil, 0
	o, err := i.client.Import(i.cmd.Context(), i.route, api.Import{
		Reason: i.change.Reason, By: i.change.By, DryRun: i.change.DryRun, Letters: letters,
	})
	if err != nil {
		return about(fmt.Sprintf("the batch from line %d", i.first), err)
	}
	i.seen += int64(len(letters))
	i.added += int64(len(o.DeadLetters))
	return nil
}

// imported is the result for programs.
type imported struct {
	Route  string `json:"route"`
	DryRun bool   `json:"dry_run"`
	Added  int64  `json:"added"`
	There  int64  `json:"already_there"`
}

func (i *importing) tell() error {
	result := imported{i.route, i.change.DryRun, i.added, i.seen - i.added}
	return show(i.cmd, i.format, []imported{result}, func(cmd *cobra.Command, r imported) {
		note := ""
		if r.DryRun {
			note = "dry run: "
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%sroute %s: %s added, %s there already\n", note, printable(r.Route), some64(r.Added, "dead letter"), count(r.There))
	})
}

// lineError is what is wrong with a line.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }

// brokenLine says what became of the rest.
func brokenLine(err error, rest string) error {
	if e, ok := errors.AsType[*lineError](err); ok {
		return &exitError{invalid, e, rest}
	}
	e, ok := errors.AsType[*exitError](judge(err))
	if !ok {
		return err
	}
	return &exitError{e.Code, e.Err, strings.TrimPrefix(e.Hint+"\n  "+rest, "\n  ")}
}

// eachLetter reads lines of an export, however long; empty ones are left out.
func eachLetter(in io.Reader, do func(l api.Letter, line, bytes int) error) error {
	r := bufio.NewReaderSize(in, 64<<10)
	for line := 1; ; line++ {
		text, err := r.ReadBytes('\n')
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return fmt.Errorf("import: %w", err)
		}
		if doc := bytes.TrimSpace(text); len(doc) > 0 {
			l, broken := readLetter(doc)
			if broken != nil {
				return &lineError{line, broken}
			}
			if err := do(l, line, len(doc)); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}

// readLetter takes what an export has, whole, and nothing that would be lost.
func readLetter(doc []byte) (l api.Letter, err error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return l, fmt.Errorf("no exported dead letter: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return l, errors.New("more than one JSON object")
	}
	if l.ID == "" {
		return l, errors.New("a dead letter without an id")
	}
	if cut(l.Body) {
		return l, errors.New("the body is not whole: bridge dlq export has it, bridge dlq show need not")
	}
	for _, h := range l.Headers {
		if cut(h.Value) {
			return l, fmt.Errorf("the header %q is not whole", h.Name)
		}
	}
	return l, nil
}

// cut reports whether bytes are missing, as far as that can be seen.
func cut(b api.Bytes) bool { return b.Truncated || len(b.Raw()) != b.Size }

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

const editLong = `Gives a dead letter other content. What it was goes to the archive; bridge archive
restore brings it back. It keeps its ID, its key and its revision; where these are in
what is changed, they have to stay what they are.

Without --body, --set-header and --remove-header the body is opened in $VISUAL or
$EDITOR. What differs is shown, and on a terminal you are asked whether to go on (not
with --yes). --redrive sends it through again afterwards.

The route has to allow it: dead_letter: { edit: true } in the topology file.`

// maxDiff is how much is shown of a line that differs: a body is often one.
const maxDiff = 500

// wholeLetter is what can be edited of a dead letter.
type wholeLetter struct {
	headers []api.Header
	body    api.Bytes
}

type editing struct {
	changing
	body    string
	set     []string
	remove  []string
	raw     bool
	redrive bool
	yes     bool
}

func newDLQEdit() *cobra.Command {
	var e editing
	cmd := &cobra.Command{
		Use: "edit ID", Short: "Give a dead letter other content", Args: one("ID"), Long: editLong,
		Example: "  bridge dlq edit 7c0e0d1e-… --reason 'the price has a comma' --redrive\n" +
			"  bridge dlq edit 7c0e0d1e-… --set-header type=created --reason 'ticket 812' --dry-run\n" +
			"  bridge dlq show 7c0e0d1e-… -o json | jq -r .body.text | ./mend | bridge dlq edit 7c0e0d1e-… --body - --reason mended",
		RunE: does(func(cmd *cobra.Command, args []string) error { return e.run(cmd, args[0]) }),
	}
	e.addRoute(cmd)
	f := cmd.Flags()
	f.StringVar(&e.body, "body", "", "`file` with the new body; -: standard input")
	f.StringArrayVar(&e.set, "set-header", nil, "`NAME=VALUE` of a header to set; may be given several times")
	f.StringArrayVar(&e.remove, "remove-header", nil, "`NAME` of a header to remove; may be given several times")
	f.BoolVar(&e.raw, "raw", false, "the body need not be JSON, though it was")
	f.BoolVar(&e.redrive, "redrive", false, "send it through again afterwards")
	f.BoolVarP(&e.yes, "yes", "y", false, "do not ask whether to go on")
	return cmd
}

func (e *editing) run(cmd *cobra.Command, id string) error {
	c, ch, err := e.begin(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	route, err := e.theRoute(ctx, c, func(route string) error {
		_, err := c.DeadLetter(ctx, route, id)
		return err
	})
	if err != nil {
		return err
	}
	was, err := whole(ctx, c, route, id)
	if err != nil {
		return err
	}
	will, err := e.apply(cmd, was)
	if err != nil {
		return err
	}
	difference := differs(was, will)
	if difference == "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "nothing to do: nothing differs")
		return nil
	}
	for line := range strings.Lines(difference) {
		fmt.Fprintln(cmd.ErrOrStderr(), short(lines(strings.TrimSuffix(line, "\n")), maxDiff))
	}
	if !e.dryRun && !e.yes && canAsk(cmd) {
		if ok, err := confirm(cmd, "change it?"); err != nil || !ok {
			return errors.Join(err, &exitError{failed, errors.New("nothing was changed"), ""})
		}
	}
	return e.post(cmd, c, route, id, ch, will)
}

// post changes the dead letter, and sends it if that is wanted.
func (e *editing) post(cmd *cobra.Command, c *client.Client, route, id string, ch api.Change, will wholeLetter) error {
	o, err := c.Edit(cmd.Context(), route, id, api.Edit{
		Reason: ch.Reason, By: ch.By, DryRun: ch.DryRun, Headers: will.headers, Body: will.body, Raw: e.raw,
	})
	if err != nil {
		return err
	}
	outcomes := []api.Outcome{o}
	if e.redrive {
		if len(o.DeadLetters) == 1 { // it may be another one now
			id = o.DeadLetters[0]
		}
		var sent api.Outcome
		if sent, err = c.Redrive(cmd.Context(), route, id, ch); err == nil {
			outcomes = append(outcomes, sent)
		}
	}
	return errors.Join(show(cmd, e.output.value, outcomes, outcomeText), err)
}

// whole reads a dead letter. The API shows what a screen takes; where that is not
// all, an export has it.
func whole(ctx context.Context, c *client.Client, route, id string) (w wholeLetter, err error) {
	d, err := c.DeadLetter(ctx, route, id)
	if err != nil {
		return w, err
	}
	if d.Bodiless {
		return w, &exitError{failed, errors.New("this entry is no message but a gap: a revision that did not come in time"), hints[api.NotALetter]}
	}
	if d.Payloads != "" {
		return w, &exitError{failed, fmt.Errorf("payloads are %s for you, and what is edited is stored whole", d.Payloads), hints[api.PayloadsForbidden]}
	}
	cut := d.Body.Truncated || d.HeadersOmitted > 0
	for _, h := range d.Headers {
		cut = cut || h.Value.Truncated
	}
	if !cut {
		return wholeLetter{d.Headers, d.Body}, nil
	}
	near := client.List{Key: d.Raw()}
	if !d.At.IsZero() {
		near.Since, near.Until = d.At, d.At.Add(time.Nanosecond)
	}
	err = wholeBy(ctx, c, route, id, near, &w)
	return w, err
}

// wholeBy finds a dead letter in an export, which has it whole however large.
func wholeBy(ctx context.Context, c *client.Client, route, id string, near client.List, found *wholeLetter) error {
	for l, err := range c.Export(ctx, route, near) {
		if err != nil {
			return err
		}
		if l.ID == id {
			*found = wholeLetter{l.Headers, l.Body}
			return nil
		}
	}
	return &exitError{failed, fmt.Errorf("dead letter %s was settled meanwhile", id), ""}
}

// apply makes the new content: what the flags say, or what comes out of an editor.
func (e *editing) apply(cmd *cobra.Command, was wholeLetter) (will wholeLetter, err error) {
	will = wholeLetter{slices.Clone(was.headers), was.body}
	for _, name := range e.remove {
		before := len(will.headers)
		will.headers = slices.DeleteFunc(will.headers, func(h api.Header) bool { return h.RawName() == name })
		if len(will.headers) == before {
			return will, &exitError{invalid, fmt.Errorf("it has no header %q to remove", name), ""}
		}
	}
	for _, text := range e.set {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return will, &exitError{invalid, fmt.Errorf("want NAME=VALUE of a header, not %q", text), ""}
		}
		will.headers = slices.DeleteFunc(will.headers, func(h api.Header) bool { return h.RawName() == name })
		will.headers = append(will.headers, api.NewHeader(name, value, len(value)))
	}
	slices.SortFunc(will.headers, func(a, b api.Header) int { return strings.Compare(a.RawName(), b.RawName()) })
	switch {
	case e.body != "":
		var body []byte
		if body, err = e.read(cmd.InOrStdin()); err == nil {
			will.body = entire(body)
		}
	case len(e.set)+len(e.remove) == 0:
		will.body, err = typedBody(cmd, was.body)
	}
	return will, err
}

// entire is all bytes; a file without any is empty, not null.
func entire(b []byte) api.Bytes { return api.NewBytes(append([]byte{}, b...), len(b)) }

func (e *editing) read(in io.Reader) (body []byte, err error) {
	if e.body == "-" {
		body, err = io.ReadAll(in)
	} else {
		body, err = os.ReadFile(e.body)
	}
	if err != nil {
		return nil, &exitError{invalid, fmt.Errorf("read the body: %w", err), ""}
	}
	return body, nil
}

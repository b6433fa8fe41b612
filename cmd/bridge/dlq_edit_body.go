package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// typedBody lets somebody edit a body that is text.
func typedBody(cmd *cobra.Command, was api.Bytes) (api.Bytes, error) {
	switch {
	case !canAsk(cmd):
		return was, &exitError{invalid, errors.New("say what to change, with --body, --set-header or --remove-header: there is no terminal for an editor"), ""}
	case was.Text == nil && !was.Null:
		return was, &exitError{invalid, errors.New("the body is no text, which editors may spoil: give the new one with --body FILE"), ""}
	}
	dir, err := os.MkdirTemp("", "bridge-edit-")
	if err != nil {
		return was, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	name := filepath.Join(dir, "body.txt")
	if json.Valid(was.Raw()) {
		name = filepath.Join(dir, "body.json")
	}
	if err := os.WriteFile(name, was.Raw(), 0o600); err != nil {
		return was, err
	}
	if err := openEditor(cmd, name); err != nil {
		return was, err
	}
	body, err := os.ReadFile(name)
	if err != nil {
		return was, err
	}
	if !bytes.HasSuffix(was.Raw(), []byte("\n")) {
		body = bytes.TrimSuffix(body, []byte("\n")) // editors add one
	}
	if bytes.Equal(body, was.Raw()) {
		return was, nil
	}
	return entire(body), nil
}

// openEditor runs the editor of the user, which may have arguments.
func openEditor(cmd *cobra.Command, name string) error {
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	if editor == "" {
		editor = "vi"
	}
	//nolint:gosec // what the user has set to be run
	run := exec.CommandContext(cmd.Context(), "sh", "-c", editor+` "$1"`, "sh", name)
	run.Stdin, run.Stdout, run.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := run.Run(); err != nil {
		return &exitError{failed, fmt.Errorf("the editor %s: %w; nothing was changed", editor, err), ""}
	}
	return nil
}

// differs shows what differs, as diff does; nothing if nothing does.
func differs(was, will wholeLetter) string {
	text := unified("headers", headerLines(was.headers), headerLines(will.headers))
	a, b := was.body, will.body
	switch {
	case a.Null == b.Null && bytes.Equal(a.Raw(), b.Raw()):
	case utf8.Valid(a.Raw()) && utf8.Valid(b.Raw()) && !bytes.Equal(a.Raw(), b.Raw()):
		text += unified("body", a.Raw(), b.Raw())
	default:
		text += fmt.Sprintf("body: %s, edited: %s\n", bodySize(a), bodySize(b))
	}
	return text
}

// unified is a diff without the line that says which command made it.
func unified(name string, was, will []byte) string {
	text := string(diff.Diff(name, was, name+", edited", will))
	if first, rest, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(first, "diff ") {
		return rest
	}
	return text
}

func bodySize(b api.Bytes) string {
	if b.Null {
		return "null"
	}
	return some64(int64(len(b.Raw())), "byte")
}

// headerLines has one line per header, so that they can be compared.
func headerLines(all []api.Header) []byte {
	var b bytes.Buffer
	for _, h := range all {
		fmt.Fprintf(&b, "%s: %s\n", printable(h.RawName()), printable(string(h.Value.Raw())))
	}
	return b.Bytes()
}

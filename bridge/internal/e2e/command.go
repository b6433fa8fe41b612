package e2e

import (
	"context"
	"os/exec"
	"time"
)

const commandTimeout = 30 * time.Second

// Command runs a command of the binary against this bridge, as an operator would,
// and returns what it printed.
func (b *Bridge) Command(words ...string) (out string, code int) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.path, append(words, "-c", b.file)...)
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		b.t.Fatalf("%q: %v", words, err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// Must is Command where only success will do.
func (b *Bridge) Must(words ...string) string {
	b.t.Helper()
	out, code := b.Command(words...)
	if code != 0 {
		b.t.Fatalf("%q ended with %d: %s", words, code, out)
	}
	return out
}

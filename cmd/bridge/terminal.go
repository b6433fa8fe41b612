package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// terminalOf is the terminal behind a stream, if it is one.
func terminalOf(stream any) (*os.File, bool) {
	f, ok := stream.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// canAsk reports whether somebody is there to answer. Scripts are never asked.
func canAsk(cmd *cobra.Command) bool {
	_, in := terminalOf(cmd.InOrStdin())
	_, out := terminalOf(cmd.OutOrStdout())
	return in && out
}

// widthOf is how wide a terminal is.
func widthOf(f *os.File) int {
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}

// confirm asks whether to go on. No is what is not yes.
func confirm(cmd *cobra.Command, question string) (bool, error) {
	fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	answer, err := typedLine(cmd.Context(), cmd.InOrStdin())
	if err != nil {
		fmt.Fprintln(cmd.ErrOrStderr())
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", err
}

// typedLine is what somebody types, until Ctrl-C. Nothing is an answer, too.
func typedLine(ctx context.Context, in io.Reader) (string, error) {
	typed := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n')
		typed <- line
	}()
	select {
	case line := <-typed:
		return strings.TrimRight(line, "\r\n"), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

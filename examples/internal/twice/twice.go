// Package twice runs an example as two processes of its service, of which the first
// is killed: the program starts itself again, told so by its environment.
package twice

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"time"
)

// What tells a process that it is the service, and where its files are; and when it
// is killed.
const (
	envDir  = "EXAMPLE_DIR"
	envKill = "EXAMPLE_KILL"
)

// Program is an example.
type Program struct {
	Name string
	// Run is what a person starts: it calls [Process] for each process of the service.
	Run func(ctx context.Context, out io.Writer) error
	// Serve is the service, on the files in dir; kill says where it is killed, "" not.
	Serve func(ctx context.Context, dir, kill string, out io.Writer) error
}

// Main is the program's main. It takes a minute at most.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var err error
	if IsService() {
		err = p.Serve(ctx, os.Getenv(envDir), os.Getenv(envKill), os.Stdout)
	} else {
		err = p.Run(ctx, os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.Name, err)
		os.Exit(1) //nolint:gocritic // nothing is left to be done
	}
}

// IsService reports whether this process was started by [Process]. A test asks it
// too, for it is the program then.
func IsService() bool { return os.Getenv(envDir) != "" }

// Process runs this program once more, as the service. Its error is how that ended.
func Process(ctx context.Context, out io.Writer, dir, kill string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program) //nolint:gosec // it is this very program
	cmd.Env = append(os.Environ(), envDir+"="+dir, envKill+"="+kill)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return nil
}

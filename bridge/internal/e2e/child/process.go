// Package child builds our commands and runs them as children: with signals, exit
// codes and what they cost.
package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// Build makes the command of a package of this module as `make build` does, and
// returns the path of the binary.
func Build(dir, name, pkg string, flags ...string) (string, error) {
	path := filepath.Join(dir, name)
	args := append([]string{"build", "-trimpath", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir = rig.Root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return path, nil
}

// Process is one run of a command.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// Start runs a command with additional environment, its words going to a file.
func Start(words *os.File, env []string, path string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = words, words
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = bound()
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // bound ties the child to this thread
		defer close(p.ended)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // what it says is in ProcessState
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return p, nil
}

// Signal sends a signal; a process that has ended gets none.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %v: %w", s, err)
	}
	return nil
}

// Wait reports whether the process ended within that time.
func (p *Process) Wait(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.ended:
		return true
	case <-timer.C:
		return false
	}
}

// Running reports whether it has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Code is the exit code of a process that has ended; -1 if it was by a signal.
func (p *Process) Code() int { return p.cmd.ProcessState.ExitCode() }

// PID is its number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// CPU is what a process that has ended used, in all its threads.
func (p *Process) CPU() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/proc"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
)

// mover is a contender at work.
type mover interface {
	// look notes what can be seen only while it runs, and says whether it failed.
	// Begun: a message has arrived.
	look(begun bool) error
	// end waits until it has done its work, or stops it at once. It reports what
	// went wrong before, unless it was stopped.
	end(atOnce bool) error
	// cost is what it used, after its end.
	cost() cost
}

// cost is what a mover used; what is not known is zero.
type cost struct {
	cpu    time.Duration
	start  time.Duration // the part of it before the first message
	memory int64         // at most, in bytes
	ready  time.Duration // from its start until it said that it is
}

// process is a mover that is a child of ours.
type process struct {
	*child.Process

	file string // has its pid
	seen cost   // while it ran
	tell bool   // it works until it is told to end
	code int    // with which it ends when it is told
}

// startProcess starts a command that ends by itself.
func startProcess(sc scene, words *os.File, command ...string) (*process, error) {
	p := &process{file: filepath.Join(filepath.Dir(words.Name()), sc.name+".pid")}
	var err error
	// The shell becomes the command, so that its pid is the command's.
	args := append([]string{"-c", `echo $$ >"$0" && exec "$@"`, p.file}, command...)
	p.Process, err = child.Start(words, nil, "sh", args...)
	return p, err
}

// startServer starts a command that works until it is told to end.
func startServer(sc scene, words *os.File, code int, command ...string) (*process, error) {
	p, err := startProcess(sc, words, command...)
	p.tell, p.code = true, code
	return p, err
}

func (p *process) look(begun bool) error {
	if !p.Running() && p.Code() != 0 {
		return fmt.Errorf("the child ended with %d", p.Code())
	}
	pid, err := p.pid()
	if err != nil {
		return nil //nolint:nilerr // it is about to be written
	}
	if peak, err := proc.Peak(pid); err == nil {
		p.seen.memory = max(p.seen.memory, peak)
	}
	if used, err := proc.CPU(pid); err == nil && !begun {
		p.seen.start = used
	}
	return nil
}

func (p *process) pid() (int, error) {
	text, _ := os.ReadFile(p.file)
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

func (p *process) end(atOnce bool) error {
	if p.tell || atOnce {
		_ = p.Signal(syscall.SIGTERM)
	}
	if !p.Wait(childTimeout) {
		_ = p.Signal(syscall.SIGKILL)
		p.Wait(childTimeout)
	}
	if code := p.Code(); code != p.code && !atOnce {
		return fmt.Errorf("ended with %d", code)
	}
	return nil
}

func (p *process) cost() cost {
	all := p.seen
	all.cpu = p.CPU()
	return all
}

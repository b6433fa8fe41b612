package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// terminal is a terminal of 80x24 with a command in it, and who types there.
type terminal struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	ended  chan int

	mu    sync.Mutex
	shown strings.Builder
}

func ioctl(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	if _, _, err := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(arg)); err != 0 {
		t.Fatal(err)
	}
}

// onTerminal runs a command with standard input, output and error on a terminal.
func (s *site) onTerminal(env []string, args ...string) *terminal {
	s.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		s.t.Skip(err)
	}
	var number, unlock uint32
	ioctl(s.t, master, syscall.TIOCGPTN, unsafe.Pointer(&number))
	ioctl(s.t, master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock))
	size := [4]uint16{24, 80}
	ioctl(s.t, master, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(s.t.Context(), "bridge", s.asked(args)...)
	cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=10"), env...) // else each command takes a second longer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	_ = slave.Close()
	on := &terminal{t: s.t, master: master, cmd: cmd, ended: make(chan int, 1)}
	read := make(chan struct{})
	go on.read(read)
	go func() {
		_ = cmd.Wait()
		<-read
		on.ended <- cmd.ProcessState.ExitCode()
	}()
	return on
}

func (on *terminal) read(done chan<- struct{}) {
	defer close(done)
	defer func() { _ = on.master.Close() }()
	buf := make([]byte, 4096)
	for {
		n, err := on.master.Read(buf)
		on.mu.Lock()
		on.shown.Write(buf[:n])
		on.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (on *terminal) text() string {
	on.mu.Lock()
	defer on.mu.Unlock()
	return on.shown.String()
}

// types waits for a text, then types.
func (on *terminal) types(after, keys string) {
	on.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(on.text(), after); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = on.cmd.Process.Kill()
			on.t.Fatalf("%q did not come:\n%q", after, on.text())
		}
	}
	if _, err := on.master.WriteString(keys); err != nil {
		on.t.Fatal(err)
	}
}

// ends waits for the exit code.
func (on *terminal) ends(code int) string {
	on.t.Helper()
	select {
	case got := <-on.ended:
		if got != code {
			on.t.Errorf("it ended with %d, want %d:\n%s", got, code, on.text())
		}
	case <-time.After(20 * time.Second):
		_ = on.cmd.Process.Kill()
		on.t.Fatalf("it did not end:\n%q", on.text())
	}
	return on.text()
}

// On a terminal a plan is shown and confirmed, and the progress drawn on a line.
func TestAnOperationOnATerminal(t *testing.T) {
	s := newSite(t)
	s.fails(3)
	s.broken.Store(false)
	on := s.onTerminal(nil, "dlq", "redrive", "--all", "--reason", "fixed")
	on.types("redrive 3 dead letters? [y/N] ", "\n")
	if said := on.ends(failed); !strings.Contains(said, "nothing was changed") || len(s.operations("strict")) != 0 {
		t.Error(said)
	}
	on = s.onTerminal(nil, "dlq", "redrive", "--all", "--reason", "fixed")
	on.types("[y/N] ", "\x03")
	if said := on.ends(failed); !strings.Contains(said, "interrupted") || len(s.operations("strict")) != 0 {
		t.Error(said)
	}
	on = s.onTerminal(nil, "dlq", "redrive", "--all", "--rate", "2", "--reason", "fixed")
	on.types("[y/N] ", "y\n")
	said := on.ends(done)
	if !strings.Contains(said, "\r[") || !strings.Contains(said, "% 0/3") || !strings.Contains(said, "\r\x1b[K") || !strings.Contains(said, "is done: 3 of 3 redriven") {
		t.Errorf("%q", said)
	}
}

// Ctrl-C on the progress leaves the operation alone.
func TestCtrlCStopsWatching(t *testing.T) {
	s := newSite(t)
	s.fails(3)
	on := s.onTerminal(nil, "dlq", "redrive", "--all", "--yes", "--rate", "0.1", "--reason", "fixed")
	on.types("/3", "\x03")
	said := on.ends(failed)
	op := s.operations("strict")[0]
	if !strings.Contains(said, "it goes on in the background: bridge ops show "+op.ID) || op.State != "running" {
		t.Errorf("%q %+v", said, op)
	}
	s.types(done, "ops", "cancel", op.ID, "--reason", "enough")
}

// A key is purged when it was typed once more.
func TestAPurgeIsConfirmed(t *testing.T) {
	s := newSite(t)
	s.put("strict", "a", -1, 2)
	s.awaitState("strict", "a", "quarantined", 1)
	on := s.onTerminal(nil, "keys", "purge", "a", "--reason", "r")
	on.types("type the key to go on: ", "b\n")
	if said := on.ends(failed); !strings.Contains(said, "that is not the key") || !strings.Contains(said, "purges 1 dead letters") {
		t.Error(said)
	}
	s.awaitState("strict", "a", "quarantined", 1)
	on = s.onTerminal(nil, "keys", "purge", "a", "--reason", "r")
	on.types("type the key to go on: ", "a\n")
	on.ends(done)
}

// The body is edited in the editor of the user, whose line end at the end is none
// of the body.
func TestABodyInAnEditor(t *testing.T) {
	s := newSiteOf(t, strings.ReplaceAll(operated, "then: continue", "then: continue, edit: true"))
	s.put("lax", "a", -1)
	s.await("the dead letter", func() bool { return strings.Contains(s.types(done, "dlq", "ls"), "too_large") })
	id := strings.Fields(s.types(done, "dlq", "ls", "-o", "jsonl"))[0]
	_, id, _ = strings.Cut(id, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	editor := filepath.Join(t.TempDir(), "my editor")
	if err := os.WriteFile(editor, []byte("#!/bin/sh\n[ \"$1\" = -x ] && echo good > \"$2\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	on := s.onTerminal([]string{"VISUAL=", "EDITOR='" + editor + "' -x"}, "dlq", "edit", id, "--reason", "r")
	on.types("change it? [y/N] ", "n\n")
	if said := on.ends(failed); !strings.Contains(said, "nothing was changed") || !strings.Contains(said, "-bad") || !strings.Contains(said, "+good") {
		t.Error(said)
	}
	on = s.onTerminal([]string{"VISUAL='" + editor + "' -x"}, "dlq", "edit", id, "--redrive", "--reason", "r")
	on.types("change it? [y/N] ", "y\n")
	on.ends(failed) // it was passed, or not: see below
	if shown := s.types(done, "dlq", "show", id); !strings.Contains(shown, "body, 4 bytes\n  good\n") {
		t.Error(shown)
	}
	on = s.onTerminal([]string{"VISUAL=true"}, "dlq", "edit", id, "--reason", "r")
	if said := on.ends(done); !strings.Contains(said, "nothing differs") {
		t.Error(said)
	}
	on = s.onTerminal([]string{"VISUAL=false"}, "dlq", "edit", id, "--reason", "r")
	if said := on.ends(failed); !strings.Contains(said, "the editor false: exit status 1; nothing was changed") {
		t.Error(said)
	}
}

// The screen is drawn until q, and the terminal left as it was.
func TestTopOnATerminal(t *testing.T) {
	s := newSite(t)
	s.fails(1)
	on := s.onTerminal(nil, "top")
	on.types("> strict", "j")
	on.types("> lax", "q")
	said := on.ends(done)
	if !strings.HasPrefix(said, enter) || !strings.HasSuffix(said, leave) || !strings.Contains(said, "memory queue lax") {
		t.Errorf("%q", said)
	}
	on = s.onTerminal(nil, "top")
	on.types("> strict", "")
	_ = on.cmd.Process.Signal(syscall.SIGTERM)
	if said = on.ends(done); !strings.HasSuffix(said, leave) {
		t.Errorf("%q", said)
	}
}

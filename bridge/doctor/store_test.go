package doctor_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func free(dir string) uint64 {
	var s syscall.Statfs_t
	must(syscall.Statfs(dir, &s))
	return s.Bavail * uint64(s.Bsize)
}

// running are the processes that have a store open, ended with the tests: a lock is
// seen from another process only.
var running []*exec.Cmd

// runOn has another process, this test again, open a store.
func runOn(dir string) {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "DOCTOR_TEST_STORE="+dir)
	out, err := cmd.StdoutPipe()
	must(err)
	in, err := cmd.StdinPipe()
	must(err)
	_ = in // closed when this process ends, and with it the other one
	must(cmd.Start())
	running = append(running, cmd)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "open\n" {
		panic(fmt.Sprint(line, err))
	}
}

func TestMain(m *testing.M) {
	if dir := os.Getenv("DOCTOR_TEST_STORE"); dir != "" {
		s, err := pebble.Open(dir, pebble.Options{})
		must(err)
		fmt.Println("open")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		must(s.Close())
		return
	}
	code := m.Run()
	for _, cmd := range running {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	os.Exit(code)
}

func closedStore(dir string) {
	s, err := pebble.Open(dir, pebble.Options{})
	must(err)
	must(s.Close())
}

// inMemory is a directory, not made, on a file system that is memory.
func inMemory(otherwise string) string {
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(err)
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "tmpfs" && strings.HasPrefix(f[3], "rw") && f[1] != "/" {
			return filepath.Join(f[1], filepath.Base(otherwise)+"-not-made")
		}
	}
	panic("there is no tmpfs")
}

// A store that is there, and at rest, is nothing to speak of; and looking at it
// changes nothing.
func TestStoreAtRest(t *testing.T) {
	s := newScene(t)
	closedStore(s.dir)
	for _, f := range s.look(t).Findings {
		if strings.HasPrefix(f.Code, "store-") && f.Code != "store-volatile" {
			t.Error(line(f))
		}
	}
}

// A directory that is missing is not made.
func TestStoreIsNotMade(t *testing.T) {
	s := newScene(t)
	s.dir += "/a/b"
	s.look(t)
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Error(err)
	}
}

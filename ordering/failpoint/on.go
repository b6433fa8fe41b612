//go:build failpoints

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Enabled reports whether failpoints are compiled in.
const Enabled = true

var state = struct {
	sync.Mutex
	seen map[Point]int
}{seen: map[Point]int{}}

// Hit ends the process here if BRIDGE_FAIL says so.
func Hit(p Point) {
	state.Lock()
	defer state.Unlock()
	state.seen[p]++
	if state.seen[p] == 1 {
		note(p)
	}
	name, n, _ := strings.Cut(os.Getenv("BRIDGE_FAIL"), "@")
	if Point(name) != p {
		return
	}
	if at, err := strconv.Atoi(n); err == nil && state.seen[p] == at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// note writes down that a point was reached.
func note(p Point) {
	path := os.Getenv("BRIDGE_FAIL_LOG")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	_, _ = f.WriteString(string(p) + "\n")
}

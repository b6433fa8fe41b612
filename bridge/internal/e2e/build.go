package e2e

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
)

// bin is where the binaries of this test process are; [Main] makes it.
var bin string

// Main runs the tests of a package that starts bridges, and removes the
// binaries afterwards.
func Main(m *testing.M) int { return Within(m.Run) }

// Within is Main for what is no test.
func Within(run func() int) int {
	dir, err := os.MkdirTemp("", "bridge-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	bin = dir
	return run()
}

// The binaries, each built when it is first needed.
var (
	plain      = sync.OnceValues(func() (string, error) { return child.Build(bin, "bridge", "./cmd/bridge") })
	failpoints = sync.OnceValues(func() (string, error) {
		return child.Build(bin, "bridge-failpoints", "./cmd/bridge", "-tags", "failpoints")
	})
)

func binary(t testing.TB, withFailpoints bool) string {
	t.Helper()
	built := plain
	if withFailpoints {
		built = failpoints
	}
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

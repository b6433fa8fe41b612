package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// bin is where the binaries of this test process are; [Main] makes it.
var bin string

// Main runs the tests of a package that starts bridges, and removes the
// binaries afterwards.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "bridge-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	bin = dir
	return m.Run()
}

var (
	plain      = sync.OnceValues(func() (string, error) { return build("bridge") })
	failpoints = sync.OnceValues(func() (string, error) { return build("bridge-failpoints", "-tags", "failpoints") })
)

// build makes the binary as `make build` does.
func build(name string, flags ...string) (string, error) {
	path := filepath.Join(bin, name)
	args := append([]string{"build", "-trimpath", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, "./cmd/bridge")...)
	cmd.Dir = rig.Root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %v: %w\n%s", cmd.Args, err, out)
	}
	return path, nil
}

// binary is the bridge, built at the first call.
func binary(t testing.TB, withFailpoints bool) string {
	t.Helper()
	make := plain
	if withFailpoints {
		make = failpoints
	}
	path, err := make()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

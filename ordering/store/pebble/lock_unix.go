//go:build unix

package pebble

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// isHeld reports whether a lock failed because another process has it.
func isHeld(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES)
}

// holder says who has the lock on a file. This process must not: closing the
// file here would release it.
func holder(path string) string {
	const somebody = "another process has it open"
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the store's own directory
	if err != nil {
		return somebody
	}
	defer func() { _ = f.Close() }()
	l := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &l); err != nil || l.Type == syscall.F_UNLCK || l.Pid <= 0 {
		return somebody
	}
	return fmt.Sprintf("process %d has it open", l.Pid)
}

package disk

import (
	"fmt"
	"os"
	"syscall"
)

// File systems that are memory, by the number that the kernel gives them.
const (
	tmpfs = 0x01021994
	ramfs = 0x858458f6
)

// Of looks at the file system of a directory; false where that cannot be told.
func Of(dir string) (Disk, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return Disk{}, false
	}
	d := Disk{Free: int64(s.Bavail) * s.Bsize}
	switch uint32(s.Type) {
	case tmpfs:
		d.Kind, d.Volatile = "tmpfs", true
	case ramfs:
		d.Kind, d.Volatile = "ramfs", true
	}
	return d, true
}

// Writable is why files cannot be made in a directory, without making one.
func Writable(dir string) error {
	const write, enter = 2, 1
	if err := syscall.Access(dir, write|enter); err != nil {
		return fmt.Errorf("write to %s as %d: %w", dir, os.Geteuid(), err)
	}
	return nil
}

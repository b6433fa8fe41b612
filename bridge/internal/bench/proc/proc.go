// Package proc reads what a process has cost so far from Linux's /proc; on other
// systems it knows nothing.
package proc

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: USER_HZ is 100 on whatever Go
// runs on.
const tick = 10 * time.Millisecond

// ErrUnknown says that the file is not as proc(5) describes it.
var ErrUnknown = errors.New("not understood")

// CPU is what a process has used, in all its threads, without its children.
func CPU(pid int) (time.Duration, error) {
	return read(pid, "stat", cpu)
}

// Peak is the most memory that a process has had resident, in bytes. It begins
// with the program: the peak in a child's rusage begins with its parent's.
func Peak(pid int) (int64, error) {
	return read(pid, "status", memory("VmHWM"))
}

// Resident is the memory that a process has resident now, in bytes.
func Resident(pid int) (int64, error) {
	return read(pid, "status", memory("VmRSS"))
}

func read[T any](pid int, name string, parse func(string) (T, error)) (v T, err error) {
	path := fmt.Sprintf("/proc/%d/%s", pid, name)
	text, err := os.ReadFile(path)
	if err != nil {
		return v, err
	}
	if v, err = parse(string(text)); err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// cpu sums fields 14 and 15 of stat. The second is the command, which may have
// blanks and brackets in it; what follows its last bracket is the third.
func cpu(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, ErrUnknown
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err, err2)
}

// memory reads a line of status.
func memory(line string) func(status string) (int64, error) {
	return func(status string) (int64, error) {
		_, after, found := strings.Cut(status, "\n"+line+":")
		if !found {
			return 0, ErrUnknown
		}
		var kib int64
		if _, err := fmt.Sscanf(after, "%d kB", &kib); err != nil {
			return 0, ErrUnknown
		}
		return kib << 10, nil
	}
}

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
)

// profiled runs f and writes where its CPU time went to a file; to none for "".
func profiled(file string, f func() error) error {
	if file == "" {
		return f()
	}
	out, err := os.Create(file)
	if err != nil {
		return &exitError{environment, fmt.Errorf("write a profile: %w", err), ""}
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return &exitError{environment, errors.Join(fmt.Errorf("write a profile: %w", err), out.Close()), ""}
	}
	err = f()
	pprof.StopCPUProfile()
	return errors.Join(err, out.Close())
}

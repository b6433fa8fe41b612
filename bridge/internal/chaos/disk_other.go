//go:build !linux

package main

import (
	"context"
	"testing"
)

func smallDisk(t testing.TB) string { return t.TempDir() }

// canFill says whether the store has a disk that can be filled.
func canFill() bool { return false }

func fillDisk(context.Context, *world, fault) error { return nil }

func freeDisk(context.Context, *world, fault) error { return nil }

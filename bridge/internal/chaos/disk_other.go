//go:build !linux

package main

import (
	"context"
	"testing"
)

// small is where the store is. What can be done to a disk is not known here.
type small struct {
	dir           string
	fills, freeze bool
}

func newDisk(t testing.TB) small { return small{dir: t.TempDir()} }

func fillDisk(context.Context, *world, fault) error   { return nil }
func freeDisk(context.Context, *world, fault) error   { return nil }
func freezeDisk(context.Context, *world, fault) error { return nil }
func thawDisk(context.Context, *world, fault) error   { return nil }

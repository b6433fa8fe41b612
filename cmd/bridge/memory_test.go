package main

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/config"
)

func TestMemoryIsLimitedByTheWindows(t *testing.T) {
	from := config.From{WindowBytes: 64 << 20}
	file := &config.File{Routes: []config.Route{{From: []config.From{from, from}}, {From: []config.From{from}}}}
	if limit, ok := memoryLimit(file); !ok || limit != baseMemory+192<<20 {
		t.Errorf("%d MiB, %v", limit>>20, ok)
	}
	file.Store.Memory = &config.Memory{}
	if limit, ok := memoryLimit(file); ok {
		t.Errorf("a store in memory is limited to %d MiB", limit>>20)
	}
}

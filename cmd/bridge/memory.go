package main

import (
	"os"
	"runtime/debug"

	"github.com/brokerbridge/bridge/bridge/config"
)

const (
	// baseMemory is for the store, the clients and the lanes in memory, in bytes.
	baseMemory = 300 << 20
	// collectEvery is how far the heap may grow before garbage is collected, in
	// percent of what is in use, as long as there is memory. Go's own 100 takes a
	// tenth of the CPU of a fast route.
	collectEvery = 400
)

// useMemory tells Go how much memory it may use before it collects garbage more
// often: a soft limit. GOMEMLIMIT and GOGC in the environment count more.
func useMemory(file *config.File) {
	limit, ok := memoryLimit(file)
	if !ok || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit(limit)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectEvery)
	}
}

// memoryLimit has room for the windows of all routes. A store in memory has no
// limit that could be known.
func memoryLimit(file *config.File) (bytes int64, ok bool) {
	bytes = baseMemory
	for _, r := range file.Routes {
		for _, f := range r.From {
			bytes += f.WindowBytes
		}
	}
	return bytes, file.Store.Memory == nil
}

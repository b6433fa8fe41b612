package config

import "github.com/brokerbridge/bridge/bridge/config/internal/strict"

// File is a whole topology as it will run: every value expanded, every default
// filled in.
type File struct {
	// Name is what the file was called when it was read, as it stands in faults.
	Name string

	// Brokers are in the order of the file. At least one.
	Brokers []Broker

	// Store keeps checkpoints, parked messages and dead letters.
	Store Store

	// Admin is the HTTP interface for operators, health and metrics.
	Admin Admin

	// Defaults is what routes share. It is merged into every route already; it is
	// kept for display.
	Defaults Shared

	// Routes are in the order of the file. 1 to 1000; names are unique.
	Routes []Route

	places map[string]place
}

// place is a line and column. It holds no text of the file, because a File may
// be printed.
type place struct{ line, col int }

// Pos returns the line and column, from 1, of the setting at path, such as
// routes[0].from.declare or brokers.shop.amqp, or else of the nearest setting
// around it; 0, 0 for a File that was not read from text. The Path of a [Broker],
// [Route], [From] and [To] begins such a path.
func (f *File) Pos(path string) (line, col int) {
	for ; ; path = strict.Parent(path) {
		if p, ok := f.places[path]; ok || path == "" {
			return p.line, p.col
		}
	}
}

// Fault makes a fault at a path of the file, for those who find one later.
func (f *File) Fault(path, msg, hint string) Fault {
	line, col := f.Pos(path)
	return Fault{File: f.Name, Line: line, Col: col, Path: path, Msg: msg, Hint: hint}
}

// Broker returns the broker that the file calls name. Every name that a loaded
// file refers to is there.
func (f *File) Broker(name string) (Broker, bool) {
	for _, b := range f.Brokers {
		if b.Name == name {
			return b, true
		}
	}
	return Broker{}, false
}

// Route returns the route called name.
func (f *File) Route(name string) (Route, bool) {
	for _, r := range f.Routes {
		if r.Name == name {
			return r, true
		}
	}
	return Route{}, false
}

// Store says where the bridge keeps what it must not forget. Exactly one of
// Pebble and Memory is set; without a store section it is Pebble in
// ./bridge-data.
type Store struct {
	// Pebble is an embedded store in a directory of this machine.
	Pebble *Pebble

	// Memory is a store that is empty after a restart: for trials and tests. Keys
	// that are mid-stream then wait for revisions that were settled long ago.
	Memory *Memory

	// MinFree is the free disk space, in bytes, below which intake pauses, so that
	// the disk is never full. Written as a size such as 512MiB. 0: no limit.
	// Default 512MiB.
	MinFree int64
}

// Pebble is the embedded store.
type Pebble struct {
	// Dir is the directory, made if it is missing. One running bridge per
	// directory. A relative path starts at the working directory. Default
	// ./bridge-data.
	Dir string
}

// Memory stands for `memory: {}`. It has no settings.
type Memory struct{}

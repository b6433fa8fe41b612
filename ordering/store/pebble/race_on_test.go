//go:build race

package pebble

// large is a part of n where the race detector is on: Pebble then checks itself at
// each step, and takes thirty times as long. `make test` runs this package without
// it, too.
func large(n int) int { return n / 4 }

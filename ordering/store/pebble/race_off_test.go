//go:build !race

package pebble

// large is n where the race detector is off.
func large(n int) int { return n }

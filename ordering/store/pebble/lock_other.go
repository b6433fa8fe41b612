//go:build !unix

package pebble

func isHeld(error) bool { return false }

func holder(string) string { return "" }

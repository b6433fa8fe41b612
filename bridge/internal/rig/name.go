package rig

import (
	"crypto/rand"
	"strings"
	"testing"
)

// Name makes a name for a queue, topic or group that no other test uses. It
// starts with the test's, so that a leftover can be traced.
func Name(t testing.TB) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, t.Name())
	// Kafka allows 249 characters.
	return name[:min(len(name), 100)] + "-" + strings.ToLower(rand.Text()[:10])
}

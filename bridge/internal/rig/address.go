package rig

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Below the range that systems give to outgoing connections (32768 on Linux,
// 49152 elsewhere): an address from there may be somebody else's by the time
// that a process started again wants it back.
const firstPort, ports = 20000, 10000

var given sync.Map

// Address is a loopback address nobody listens on. It stays free of outgoing
// connections and is given once per process, so what listens there can be
// killed and started again.
func Address(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(ports)))
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatalf("no free port from %d to %d", firstPort, firstPort+ports-1)
	return ""
}

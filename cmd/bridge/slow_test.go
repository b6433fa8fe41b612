package main

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/status"
)

// TestF6_SlowReadersDoNotTouchTheRoutes: hundreds who ask and do not read, and hundreds
// who do not end what they ask, and messages go through all the same.
func TestF6_SlowReadersDoNotTouchTheRoutes(t *testing.T) {
	s := newSite(t)
	const dead, moved, strangers = 200, 2000, 300
	for i := range dead {
		s.put("lax", fmt.Sprint("bad-", i), -1)
	}
	s.balanced("lax", status.Counts{Dead: dead})

	host := strings.TrimPrefix(s.address, "http://")
	list := "GET /api/v1/routes/lax/dead-letters?limit=1000 HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	for i := range strangers {
		s.says(strings.Repeat(list, 100)) // answers of megabytes, of which nobody reads a byte
		s.says([]string{
			"", "GET / HT", "GET /api/v1/routes HTTP/1.1\r\nHost: " + host + "\r\nX: ",
			"POST /api/v1/routes/lax/pause HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nContent-Length: 16000\r\n\r\n{",
		}[i%4])
	}
	for i := range moved {
		s.put("strict", fmt.Sprint("key-", i%10), 1+i/10)
	}
	if !s.comes(func() bool { return len(s.out.Messages("strict")) == moved }) {
		t.Errorf("only %d of %d messages came", len(s.out.Messages("strict")), moved)
	}
}

// says opens a connection to the admin address, writes as much of a text as is taken
// at once, and reads nothing until the test is over.
func (s *site) says(text string) {
	s.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	_ = c.(*net.TCPConn).SetReadBuffer(2 << 10)
	s.t.Cleanup(func() { _ = c.Close() })
	if _, err := c.Write([]byte(text)); err != nil {
		s.t.Log("hung up on:", err) // which is as good
	}
}

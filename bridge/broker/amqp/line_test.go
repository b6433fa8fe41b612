package amqp

import (
	"errors"
	"net"
	"testing"
)

type nopConn struct{ net.Conn }

func (nopConn) Close() error { return nil }

type recorder struct {
	net.Conn
	writes []string
	err    error
	closed bool
}

func (r *recorder) Write(p []byte) (int, error) {
	r.writes = append(r.writes, string(p))
	return len(p), r.err
}

func (r *recorder) Close() error { r.closed = true; return nil }

func TestCorkMakesOneWrite(t *testing.T) {
	r := &recorder{}
	l := newLine(r)
	write := func(s string) {
		if _, err := l.Write([]byte(s)); err != nil {
			t.Error(err)
		}
	}
	write("a")
	l.cork()
	write("b")
	l.cork()
	write("c")
	l.uncork()
	write("d")
	l.uncork()
	write("e")
	if len(r.writes) != 3 || r.writes[0] != "a" || r.writes[1] != "bcd" || r.writes[2] != "e" {
		t.Errorf("written: %q", r.writes)
	}
	r.err = errors.New("broken")
	l.cork()
	write("f")
	l.uncork()
	if !r.closed {
		t.Error("a write that failed unseen did not end the connection")
	}
}

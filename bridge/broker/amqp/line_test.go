package amqp

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"
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

func (r *recorder) SetWriteDeadline(time.Time) error { return nil }

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

// I7: what a cork gathers is bounded, and comes in order.
func TestCorkHoldsBackSoMuch(t *testing.T) {
	r := &recorder{}
	l := newLine(r)
	l.cork()
	want := ""
	for i := range 100 {
		piece := strings.Repeat(string(rune('a'+i%26)), 1+i*1000)
		want += piece
		if _, err := l.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
		if len(l.buf) > corkBytes {
			t.Fatalf("%d bytes are held back", len(l.buf))
		}
	}
	l.uncork()
	if strings.Join(r.writes, "") != want {
		t.Error("what was written is not what came")
	}
}

// A peer that reads no more does not hold a write for ever, nor after reading
// has failed; one that has said so does.
func TestWritesThatHangEnd(t *testing.T) {
	for name, end := range map[string]func(l *line){
		"reading failed": func(l *line) {
			_ = l.Conn.SetReadDeadline(time.Now())
			_, _ = l.Read(make([]byte, 1))
		},
		"time is up": func(l *line) { _ = l.SetDeadline(time.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			ours, peer := net.Pipe()
			defer func() { _ = peer.Close() }()
			l := newLine(ours)
			l.wait(true)
			done := make(chan error)
			go func() {
				_, err := l.Write([]byte("x"))
				done <- err
			}()
			select {
			case err := <-done:
				t.Fatalf("nobody read, and the write ended: %v", err)
			case <-time.After(50 * time.Millisecond):
			}
			end(l)
			if err := <-done; err == nil {
				t.Error("the write succeeded")
			}
		})
	}
}

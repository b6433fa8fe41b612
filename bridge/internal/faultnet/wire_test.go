package faultnet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// echo sends back what it gets, until it has been told to stop.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// frame is one of AMQP, which nobody has to understand.
func frame(body string) []byte {
	f := append([]byte{1, 0, 0, 0, 0, 0, 0}, body...)
	binary.BigEndian.PutUint32(f[3:], uint32(len(body)))
	return append(f, 0xCE)
}

func dial(t *testing.T, w *Wire) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// gets reads so many bytes, and reports how long that took.
func gets(t *testing.T, c net.Conn, want string) time.Duration {
	t.Helper()
	began := time.Now()
	got := make([]byte, len(want))
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("%q, %v, want %q", got, err, want)
	}
	return time.Since(began)
}

func ends(t *testing.T, c net.Conn) error {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := c.Read(make([]byte, 1))
	if n > 0 || err == nil || errors.Is(err, syscall.ETIMEDOUT) {
		t.Fatalf("%d more bytes, %v", n, err)
	}
	return err
}

func send(t *testing.T, c net.Conn, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		if _, err := c.Write(f); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWireCuts(t *testing.T) {
	one, two := frame("one"), frame("a longer one")
	for _, c := range []struct {
		name string
		Trouble
		want string
	}{
		{"between frames", Trouble{Cut: In, Frames: 2}, string(one) + string(two)},
		{"in a frame", Trouble{Cut: In, Frames: 2, Middle: true}, string(one) + string(two[:len(two)/2])},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := NewAMQP(t, echo(t))
			for range 2 { // each connection, from its own beginning
				w.Set(Trouble{})
				conn := dial(t, w)
				send(t, conn, []byte("AMQP\x00\x00\x09\x01"))
				gets(t, conn, "AMQP\x00\x00\x09\x01")
				w.Set(c.Trouble)
				send(t, conn, slices.Concat(one, two, one))
				gets(t, conn, c.want)
				_ = ends(t, conn)
			}
			if n := w.Lost(); n == 0 || n > 2 {
				t.Errorf("%d connections lost", n)
			}
		})
	}
}

// TestWireHole: what was swallowed comes when the hole is closed, and the other way
// works meanwhile.
func TestWireHole(t *testing.T) {
	for _, way := range []Way{Out, In} {
		w := NewAMQP(t, echo(t))
		conn := dial(t, w)
		send(t, conn, frame("before"))
		gets(t, conn, string(frame("before")))
		w.Set(Trouble{Hole: way})
		send(t, conn, frame("in the hole"))
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Fatalf("%d bytes passed, %v", n, err)
		}
		w.Set(Trouble{})
		gets(t, conn, string(frame("in the hole")))
	}
}

func TestWireIsLateAndSlow(t *testing.T) {
	w := NewAMQP(t, echo(t))
	conn := dial(t, w)
	w.Set(Trouble{Delay: 200 * time.Millisecond})
	send(t, conn, frame("a"), frame("b"), frame("c"))
	all := string(frame("a")) + string(frame("b")) + string(frame("c"))
	if took := gets(t, conn, all); took < 400*time.Millisecond || took > 5*time.Second {
		t.Errorf("there and back took %v, want twice 200ms: frames do not wait for each other", took)
	}
	w.Set(Trouble{Rate: 1000})
	slow := frame(strings.Repeat("x", 500))
	send(t, conn, slow)
	if took := gets(t, conn, string(slow)); took < 500*time.Millisecond {
		t.Errorf("500 bytes took %v at 1000 a second", took)
	}
}

func TestWireShutsAndResets(t *testing.T) {
	w := NewAMQP(t, echo(t))
	conn := dial(t, w)
	send(t, conn, frame("a"))
	gets(t, conn, string(frame("a")))
	w.Reset()
	if err := ends(t, conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a reset is %v", err)
	}
	conn = dial(t, w)
	send(t, conn, frame("b"))
	gets(t, conn, string(frame("b")))
	w.Set(Trouble{Shut: true})
	_ = ends(t, conn)
	_ = ends(t, dial(t, w))
	w.Set(Trouble{})
	conn = dial(t, w)
	send(t, conn, frame("c"))
	gets(t, conn, string(frame("c")))
}

// TestKafkaStaysOnTheWire: a client is told to come this way, whatever Kafka says of
// its own address.
func TestKafkaStaysOnTheWire(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := NewKafka(t, cluster.ListenAddrs()[0])
	client, err := kgo.NewClient(kgo.SeedBrokers(w.Addr()), kgo.ConsumeTopics("t"), kgo.ConsumerGroup("g"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if n := client.PollFetches(t.Context()).NumRecords(); n != 1 {
		t.Errorf("%d records", n)
	}
	known, err := kadm.NewClient(client).ListBrokers(t.Context())
	if err != nil || len(known) != 1 {
		t.Fatalf("%v, %v", known, err)
	}
	if at := net.JoinHostPort(known[0].Host, fmt.Sprint(known[0].Port)); at != w.Addr() {
		t.Errorf("the client knows a broker at %s, not at %s", at, w.Addr())
	}
}

// TestFrames are read whole, whatever they hold.
func TestFrames(t *testing.T) {
	in := bufio.NewReader(strings.NewReader("AMQP\x00\x00\x09\x01" + string(frame("")) + string(frame("body"))))
	for _, want := range []string{"AMQP\x00\x00\x09\x01", string(frame("")), string(frame("body"))} {
		if got, err := amqpFrame(in); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if _, err := amqpFrame(in); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

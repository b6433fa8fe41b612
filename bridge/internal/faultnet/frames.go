package faultnet

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// largestFrame is more than any test sends, in bytes.
const largestFrame = 256 << 20

// reader takes the next frame off a connection, ready to be passed on.
type reader = func(*bufio.Reader) ([]byte, error)

// protocol makes the conversation of a new connection; addr is where the clients
// of the wire find it.
type protocol func(addr string) conversation

// conversation knows the frames of one connection.
type conversation interface {
	request(*bufio.Reader) ([]byte, error)
	answer(*bufio.Reader) ([]byte, error)
}

// amqpFrames are those of AMQP 0-9-1: type, channel, size, payload, end. What
// begins with a letter is the header that both sides may begin with.
type amqpFrames struct{}

func (amqpFrames) request(in *bufio.Reader) ([]byte, error) { return amqpFrame(in) }
func (amqpFrames) answer(in *bufio.Reader) ([]byte, error)  { return amqpFrame(in) }

func amqpFrame(in *bufio.Reader) ([]byte, error) {
	first, err := in.Peek(1)
	if err != nil {
		return nil, err
	}
	if first[0] == 'A' {
		return take(in, 8)
	}
	head, err := in.Peek(7)
	if err != nil {
		return nil, err
	}
	return take(in, 7+int(binary.BigEndian.Uint32(head[3:]))+1)
}

// kafkaTalk has the frames of Kafka: a size and that many bytes. In answers that
// say where brokers are it puts itself in their place.
type kafkaTalk struct {
	host string
	port int32

	mu    sync.Mutex
	asked map[int32]question // by their correlation id
}

type question struct{ key, version int16 }

func newKafkaTalk(addr string) conversation {
	host, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	return &kafkaTalk{host: host, port: int32(n), asked: map[int32]question{}}
}

func (k *kafkaTalk) request(in *bufio.Reader) ([]byte, error) {
	frame, err := kafkaFrame(in)
	if err == nil && len(frame) >= 12 {
		k.mu.Lock()
		defer k.mu.Unlock()
		id := int32(binary.BigEndian.Uint32(frame[8:]))
		k.asked[id] = question{int16(binary.BigEndian.Uint16(frame[4:])), int16(binary.BigEndian.Uint16(frame[6:]))}
	}
	return frame, err
}

func (k *kafkaTalk) answer(in *bufio.Reader) ([]byte, error) {
	frame, err := kafkaFrame(in)
	if err != nil || len(frame) < 8 {
		return frame, err
	}
	k.mu.Lock()
	id := int32(binary.BigEndian.Uint32(frame[4:]))
	q, ok := k.asked[id]
	delete(k.asked, id)
	k.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("an answer to %d, which was not asked", id)
	}
	return k.redirect(frame, q)
}

// naming are the answers that say where brokers are.
var naming = []kmsg.Key{kmsg.Metadata, kmsg.FindCoordinator, kmsg.DescribeCluster, kmsg.Produce, kmsg.Fetch}

// redirect rewrites the addresses of brokers in an answer.
func (k *kafkaTalk) redirect(frame []byte, q question) ([]byte, error) {
	if !slices.Contains(naming, kmsg.Key(q.key)) {
		return frame, nil
	}
	resp := kmsg.ResponseForKey(q.key)
	resp.SetVersion(q.version)
	head := 8
	if resp.IsFlexible() {
		head = 9 // no tags are in any header of today
	}
	if err := resp.ReadFrom(frame[head:]); err != nil {
		return nil, fmt.Errorf("read an answer of Kafka: %w", err)
	}
	eachAddress(resp, func(host *string, port *int32) { *host, *port = k.host, k.port })
	out := resp.AppendTo(append([]byte(nil), frame[:head]...))
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out, nil
}

// eachAddress calls visit with each address of a broker in an answer.
func eachAddress(resp kmsg.Response, visit func(host *string, port *int32)) {
	switch r := resp.(type) {
	case *kmsg.MetadataResponse:
		for i := range r.Brokers {
			visit(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	case *kmsg.FindCoordinatorResponse:
		visit(&r.Host, &r.Port)
		for i := range r.Coordinators {
			visit(&r.Coordinators[i].Host, &r.Coordinators[i].Port)
		}
	case *kmsg.DescribeClusterResponse:
		for i := range r.Brokers {
			visit(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	case *kmsg.ProduceResponse:
		for i := range r.Brokers {
			visit(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	case *kmsg.FetchResponse:
		for i := range r.Brokers {
			visit(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	}
}

func kafkaFrame(in *bufio.Reader) ([]byte, error) {
	head, err := in.Peek(4)
	if err != nil {
		return nil, err
	}
	return take(in, 4+int(binary.BigEndian.Uint32(head)))
}

func take(in *bufio.Reader, n int) ([]byte, error) {
	if n > largestFrame {
		return nil, fmt.Errorf("a frame of %d bytes", n)
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(in, frame)
	return frame, err
}

package faultnet

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
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

// redirect rewrites the addresses of brokers in an answer.
func (k *kafkaTalk) redirect(frame []byte, q question) ([]byte, error) {
	var resp kmsg.Response
	var here func()
	switch kmsg.Key(q.key) {
	case kmsg.Metadata:
		r := kmsg.NewPtrMetadataResponse()
		resp, here = r, func() {
			for i := range r.Brokers {
				r.Brokers[i].Host, r.Brokers[i].Port = k.host, k.port
			}
		}
	case kmsg.FindCoordinator:
		r := kmsg.NewPtrFindCoordinatorResponse()
		resp, here = r, func() {
			r.Host, r.Port = k.host, k.port
			for i := range r.Coordinators {
				r.Coordinators[i].Host, r.Coordinators[i].Port = k.host, k.port
			}
		}
	case kmsg.DescribeCluster:
		r := kmsg.NewPtrDescribeClusterResponse()
		resp, here = r, func() {
			for i := range r.Brokers {
				r.Brokers[i].Host, r.Brokers[i].Port = k.host, k.port
			}
		}
	case kmsg.Produce:
		r := kmsg.NewPtrProduceResponse()
		resp, here = r, func() {
			for i := range r.Brokers {
				r.Brokers[i].Host, r.Brokers[i].Port = k.host, k.port
			}
		}
	case kmsg.Fetch:
		r := kmsg.NewPtrFetchResponse()
		resp, here = r, func() {
			for i := range r.Brokers {
				r.Brokers[i].Host, r.Brokers[i].Port = k.host, k.port
			}
		}
	default:
		return frame, nil
	}
	resp.SetVersion(q.version)
	head := 8
	if resp.IsFlexible() {
		head = 9 // no tags are in any header of today
	}
	if err := resp.ReadFrom(frame[head:]); err != nil {
		return nil, fmt.Errorf("read an answer of Kafka: %w", err)
	}
	here()
	out := resp.AppendTo(append([]byte(nil), frame[:head]...))
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out, nil
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

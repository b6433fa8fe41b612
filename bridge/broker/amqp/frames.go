package amqp

import (
	"bufio"
	"encoding/binary"
	"io"
)

const (
	frameHeader = 2  // the type of the frames that carry properties
	framePrefix = 7  // type, channel, size
	frameLimit  = 16 // MiB; RabbitMQ's default is 128 KiB
)

// frames reads what RabbitMQ sends, and makes it such that the AMQP client can
// read it. The client ends the connection at a header table with more than 8,192
// entries or nested more than 32 deep; RabbitMQ would deliver that message again,
// first of all, and no other would ever come. Such a table becomes one header
// that holds its bytes.
type frames struct {
	in   *bufio.Reader
	pass int64  // bytes of the current frame that go on as they are
	kept []byte // a frame that was looked at, as far as it was not read
	buf  []byte
}

func newFrames(r io.Reader) *frames { return &frames{in: bufio.NewReaderSize(r, 64<<10)} }

func (f *frames) Read(p []byte) (int, error) {
	for {
		switch {
		case len(f.kept) > 0:
			n := copy(p, f.kept)
			f.kept = f.kept[n:]
			return n, nil
		case f.pass > 0:
			n, err := f.in.Read(p[:min(int64(len(p)), f.pass)])
			f.pass -= int64(n)
			return n, err
		}
		if err := f.next(); err != nil {
			return 0, err
		}
	}
}

// next looks at the beginning of a frame.
func (f *frames) next() error {
	prefix, err := f.in.Peek(framePrefix)
	if err != nil {
		return err
	}
	size := int64(framePrefix) + int64(binary.BigEndian.Uint32(prefix[3:])) + 1
	if prefix[0] != frameHeader || size > frameLimit<<20 {
		f.pass = size
		return nil
	}
	if int64(cap(f.buf)) < size {
		f.buf = make([]byte, size)
	}
	frame := f.buf[:size]
	if _, err := io.ReadFull(f.in, frame); err != nil {
		return err
	}
	f.kept = readable(frame)
	return nil
}

// readable returns a header frame as it is, or with its table replaced.
func readable(frame []byte) []byte {
	at, ok := tableOf(frame)
	if !ok {
		return frame
	}
	size := int(binary.BigEndian.Uint32(frame[at:]))
	table := frame[at+4:]
	if size > len(table)-1 || plainTable(table[:size], 0) {
		return frame
	}
	out := append([]byte(nil), frame[:at]...)
	out = binary.BigEndian.AppendUint32(out, uint32(1+len(rawHeaders)+1+4+size))
	out = append(append(out, byte(len(rawHeaders))), rawHeaders...)
	out = binary.BigEndian.AppendUint32(append(out, 'x'), uint32(size))
	out = append(out, table...)
	binary.BigEndian.PutUint32(out[3:], uint32(len(out)-framePrefix-1))
	return out
}

// tableOf finds the header table: behind class, weight, body size and flags,
// and the two properties before it.
func tableOf(frame []byte) (at int, ok bool) {
	const contentType, contentEncoding, headers = 1 << 15, 1 << 14, 1 << 13
	at = framePrefix + 2 + 2 + 8
	if len(frame) < at+2 {
		return 0, false
	}
	flags := binary.BigEndian.Uint16(frame[at:])
	at += 2
	for _, before := range []uint16{contentType, contentEncoding} {
		if flags&before != 0 && at < len(frame) {
			at += 1 + int(frame[at])
		}
	}
	return at, flags&headers != 0 && at+4 <= len(frame)
}

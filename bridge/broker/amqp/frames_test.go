package amqp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"testing/iotest"
)

// header is a header frame with a table, and properties on both sides of it.
func header(table []byte) []byte {
	payload := make([]byte, 12)
	payload = binary.BigEndian.AppendUint16(payload, 1<<15|1<<13|1<<12)
	payload = append(payload, "\x04text"...)
	payload = binary.BigEndian.AppendUint32(payload, uint32(len(table)))
	payload = append(append(payload, table...), 2) // delivery-mode
	return frame(2, payload)
}

func frame(kind byte, payload []byte) []byte {
	f := binary.BigEndian.AppendUint32([]byte{kind, 0, 1}, uint32(len(payload)))
	return append(append(f, payload...), 0xce)
}

func entries(n int) (table []byte) {
	for i := range n {
		name := fmt.Sprint(i)
		table = append(append(append(table, byte(len(name))), name...), 'V')
	}
	return table
}

func nested(depth int) []byte {
	table := entries(1)
	for range depth {
		outer := binary.BigEndian.AppendUint32([]byte("\x01nF"), uint32(len(table)))
		table = append(outer, table...)
	}
	return table
}

func TestFramesPassAsTheyAre(t *testing.T) {
	var stream []byte
	for _, f := range [][]byte{
		frame(1, []byte("method")), header(nil), frame(3, bytes.Repeat([]byte("b"), 200_000)), frame(8, nil),
		header(entries(3)), header(entries(maxEntries)), header(nested(maxNesting)), frame(3, []byte("\x02")),
		frame(2, nil), frame(2, make([]byte, 14)),
	} {
		stream = append(stream, f...)
	}
	for name, r := range map[string]io.Reader{
		"at once": bytes.NewReader(stream), "bytewise": iotest.OneByteReader(bytes.NewReader(stream)),
	} {
		got, err := io.ReadAll(newFrames(r))
		if err != nil || !bytes.Equal(got, stream) {
			t.Errorf("%s: %d bytes became %d (%v)", name, len(stream), len(got), err)
		}
	}
}

func TestUnreadableTablesBecomeBytes(t *testing.T) {
	for name, table := range map[string][]byte{
		"many": entries(maxEntries + 1), "deep": nested(maxNesting + 1), "unknown type": []byte("\x01n?"), "cut": []byte("\x09n"),
	} {
		inner := binary.BigEndian.AppendUint32([]byte("\x12"+rawHeaders+"x"), uint32(len(table)))
		want := append(header(append(inner, table...)), frame(3, []byte("body"))...)
		got, err := io.ReadAll(newFrames(bytes.NewReader(append(header(table), frame(3, []byte("body"))...))))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: became %.80q (%v), want %.80q", name, got, err, want)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(append(header(entries(3)), header(nested(40))...))
	f.Fuzz(func(_ *testing.T, stream []byte) {
		_, _ = io.ReadAll(newFrames(bytes.NewReader(stream)))
	})
}

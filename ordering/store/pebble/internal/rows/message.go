package rows

import (
	"encoding/binary"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// What a message or a dead letter has.
const (
	hasPayload  = 1 << iota // else it is nil
	hasMetadata             // else it is nil
	hasTries
	ofLane // a dead letter's Lane
	hasLog // of its tries
)

// AppendParked writes a parked message. Size and print come first, so that they
// can be read alone.
func AppendParked(dst []byte, m *store.Message) []byte {
	dst = append(dst, parkedFormat)
	dst = binary.AppendUvarint(dst, uint64(m.Size()))
	return appendMessage(dst, m, 0)
}

// ReadParked reads a parked message.
func ReadParked(b []byte) (m store.Message, err error) {
	r, _, err := openUpTo(b, parkedFormat)
	if err != nil {
		return m, err
	}
	r.uvarint("size")
	readMessage(&r, &m)
	return m, r.close()
}

// PeekParked reads the size and the print of a parked message.
func PeekParked(b []byte) (size int64, p lane.Print, err error) {
	r, _, err := openUpTo(b, parkedFormat)
	if err != nil {
		return 0, 0, err
	}
	size = int64(r.natural("size"))
	p = lane.Print(r.fixed("print"))
	r.b = nil
	return size, p, r.close()
}

// AppendDead writes a dead letter. Its Route and ID are not written: they are
// the row's key, and its fingerprint comes beside it. What PeekDead reads comes first.
func AppendDead(dst []byte, d *store.DeadLetter, f Fingerprint) []byte {
	dst = append(append(dst, deadFormat), f[:]...)
	dst = appendString(dst, d.Key)
	dst = binary.AppendUvarint(dst, uint64(d.Epoch))
	dst = appendString(dst, d.Reason)
	dst = appendString(dst, d.Target)
	dst = appendTime(dst, d.At)
	var flags byte
	if d.Lane {
		flags = ofLane
	}
	return appendMessage(dst, &d.Message, flags)
}

// ReadDead reads a dead letter; its Route and ID are left to the caller, and so is
// the Fingerprint of an old row, which is empty.
func ReadDead(b []byte) (d store.DeadLetter, err error) {
	r, is, err := openUpTo(b, deadFormat)
	if err != nil {
		return d, err
	}
	if is >= 2 {
		d.Fingerprint = r.fingerprint().String()
	}
	readDead(&r, &d)
	return d, r.close()
}

func (r *reader) fingerprint() (f Fingerprint) {
	copy(f[:], r.take(uint64(len(f)), "fingerprint"))
	return f
}

func readDead(r *reader, d *store.DeadLetter) {
	d.Key = r.string("key")
	epoch := r.uvarint("epoch")
	if d.Epoch = uint32(epoch); uint64(d.Epoch) != epoch {
		r.fail("epoch")
	}
	d.Reason = r.string("reason")
	d.Target = r.string("target")
	d.At = r.time("at")
	d.Lane = readMessage(r, &d.Message)&ofLane != 0
}

// PeekDead reads the key a dead letter is about, its time, and its fingerprint:
// zero in an old row.
func PeekDead(b []byte) (key string, at time.Time, f Fingerprint, err error) {
	r, is, err := openUpTo(b, deadFormat)
	if err != nil {
		return "", at, f, err
	}
	if is >= 2 {
		f = r.fingerprint()
	}
	key = r.string("key")
	r.uvarint("epoch")
	r.string("reason")
	r.string("target")
	at = r.time("at")
	r.b = nil
	return key, at, f, r.close()
}

func appendMessage(dst []byte, m *store.Message, flags byte) []byte {
	if m.Payload != nil {
		flags |= hasPayload
	}
	if m.Metadata != nil {
		flags |= hasMetadata
	}
	if m.Tries != (store.Tries{}) {
		flags |= hasTries
	}
	if m.Log != nil {
		flags |= hasLog
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(m.Print))
	dst = append(dst, flags)
	dst = binary.AppendVarint(dst, int64(m.Rev))
	dst = appendString(dst, m.ID)
	dst = appendTime(dst, m.ParkedAt)
	if flags&hasTries != 0 {
		dst = appendTries(dst, &m.Tries)
	}
	if flags&hasLog != 0 {
		dst = appendLog(dst, &m.Tries)
	}
	if flags&hasMetadata != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(m.Metadata)))
		for k, v := range m.Metadata {
			dst = appendString(appendString(dst, k), v)
		}
	}
	if flags&hasPayload != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(m.Payload)))
		dst = append(dst, m.Payload...)
	}
	return dst
}

func readMessage(r *reader, m *store.Message) (flags byte) {
	m.Print = lane.Print(r.fixed("print"))
	flags = r.byte("flags")
	if flags > hasPayload|hasMetadata|hasTries|ofLane|hasLog {
		r.fail("flags")
	}
	m.Rev = lane.Revision(r.varint("revision"))
	m.ID = r.string("id")
	m.ParkedAt = r.time("parked at")
	if flags&hasTries != 0 {
		readTries(r, &m.Tries)
	}
	if flags&hasLog != 0 {
		readLog(r, &m.Tries)
	}
	if flags&hasMetadata != 0 {
		readMetadata(r, m)
	}
	if flags&hasPayload != 0 {
		m.Payload = append([]byte{}, r.take(r.uvarint("payload"), "payload")...)
	}
	return flags
}

func readMetadata(r *reader, m *store.Message) {
	n := r.count("metadata")
	m.Metadata = make(map[string]string, n)
	for range n {
		k := r.string("metadata key")
		m.Metadata[k] = r.string("metadata value")
	}
	if len(m.Metadata) != n {
		r.fail("metadata named twice")
	}
}

func appendTries(dst []byte, t *store.Tries) []byte {
	dst = binary.AppendVarint(dst, int64(t.Attempts))
	dst = appendTime(dst, t.FirstFailed)
	dst = appendTime(dst, t.LastFailed)
	return appendString(appendString(dst, t.Class), t.Error)
}

func readTries(r *reader, t *store.Tries) {
	t.Attempts = int(r.varint("attempts"))
	t.FirstFailed = r.time("first failed")
	t.LastFailed = r.time("last failed")
	t.Class = r.string("class")
	t.Error = r.string("error")
}

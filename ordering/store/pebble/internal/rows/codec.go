package rows

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
)

// The first byte of a value is the format of its kind of row, which a change of
// its encoding raises. Older formats are read, and rewritten when the row is.
const (
	format       = 1 // of all but the following
	ledgerFormat = 3 // 1 had no Filtered, 2 no Restored
	parkedFormat = 2 // 1 had no log of tries
	deadFormat   = 3 // 1 had no fingerprint, 2 no log of tries
	auditFormat  = 2 // 1 had no count and no hash
)

// AppendJournal adds the record of a lane to a row of the journal. Whoever begins
// the row adds to nil.
func AppendJournal(dst, lane, record []byte) []byte {
	if len(dst) == 0 {
		dst = append(dst, format)
	}
	dst = append(binary.AppendUvarint(dst, uint64(len(lane))), lane...)
	return append(binary.AppendUvarint(dst, uint64(len(record))), record...)
}

// ReadJournal shows the records of a row, in their order. Unlike what others
// return, they are parts of the row.
func ReadJournal(b []byte, see func(lane, record []byte)) error {
	r, err := open(b)
	if err != nil {
		return err
	}
	for len(r.b) > 0 {
		lane := r.take(r.uvarint("lane"), "lane")
		record := r.take(r.uvarint("record"), "record")
		if r.bad == "" {
			see(lane, record)
		}
	}
	return r.close()
}

// ErrCorrupt says that the bytes are not what this package writes.
var ErrCorrupt = errors.New("corrupt row")

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendTime writes seconds and nanoseconds; the zero time becomes one byte
// that no nanosecond count starts with.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendUvarint(dst, noTime)
	}
	dst = binary.AppendUvarint(dst, uint64(t.Nanosecond()))
	return binary.AppendVarint(dst, t.Unix())
}

const noTime = 1e9 // one more than the most nanoseconds

// reader reads a value from the front. After a fault it returns zeros, so only
// its end has to be checked.
type reader struct {
	b   []byte
	bad string // what was wrong first
}

func open(b []byte) (reader, error) {
	r, _, err := openUpTo(b, format)
	return r, err
}

// openUpTo opens a row of any format up to the newest, which it returns.
func openUpTo(b []byte, newest byte) (r reader, is byte, err error) {
	if len(b) == 0 {
		return reader{}, 0, fmt.Errorf("%w: empty", ErrCorrupt)
	}
	if is = b[0]; is == 0 || is > newest {
		return reader{}, 0, fmt.Errorf("%w: a row of format %d, this program reads %d", store.ErrFormat, is, newest)
	}
	return reader{b: b[1:]}, is, nil
}

func (r *reader) fail(what string) {
	if r.bad == "" {
		r.bad = what
	}
	r.b = nil
}

func (r *reader) close() error {
	switch {
	case r.bad != "":
		return fmt.Errorf("%w: %s", ErrCorrupt, r.bad)
	case len(r.b) > 0:
		return fmt.Errorf("%w: %d bytes too many", ErrCorrupt, len(r.b))
	}
	return nil
}

func (r *reader) take(n uint64, what string) []byte {
	if n > uint64(len(r.b)) {
		r.fail(what)
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte(what string) byte {
	if b := r.take(1, what); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) fixed(what string) uint64 {
	if b := r.take(8, what); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) uvarint(what string) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(what)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint(what string) int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail(what)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads how many things follow, each of at least one byte.
func (r *reader) count(what string) int {
	n := r.uvarint(what)
	if n > uint64(len(r.b)) {
		r.fail(what)
		return 0
	}
	return int(n)
}

// natural reads what was a non-negative int.
func (r *reader) natural(what string) int {
	n := r.uvarint(what)
	if n > uint64(maxInt) {
		r.fail(what)
		return 0
	}
	return int(n)
}

const maxInt = int(^uint(0) >> 1)

func (r *reader) string(what string) string {
	return string(r.take(r.uvarint(what), what))
}

func (r *reader) time(what string) time.Time {
	nanos := r.uvarint(what)
	switch {
	case nanos == noTime:
		return time.Time{}
	case nanos > noTime:
		r.fail(what)
		return time.Time{}
	}
	return time.Unix(r.varint(what), int64(nanos)).UTC()
}

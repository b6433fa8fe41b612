package amqp

import (
	"encoding/binary"

	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
)

// rawHeaders is the header that holds a table which the client cannot read.
const rawHeaders = sidecar.RawHeaders

// What the client reads of a table or array, at most.
const (
	maxEntries = 8192
	maxNesting = 32
)

// plainTable reports whether the client can read a table. It errs on the side
// of no: the client counts equal names once.
func plainTable(b []byte, depth int) bool {
	if depth > maxNesting {
		return false
	}
	for n := 0; len(b) > 0; n++ {
		name := 1 + int(b[0])
		if n >= maxEntries || name > len(b) {
			return false
		}
		var ok bool
		if b, ok = skipField(b[name:], depth); !ok {
			return false
		}
	}
	return true
}

func plainArray(b []byte, depth int) bool {
	if depth > maxNesting {
		return false
	}
	for n := 0; len(b) > 0; n++ {
		var ok bool
		if b, ok = skipField(b, depth); !ok || n >= maxEntries {
			return false
		}
	}
	return true
}

// skipField returns what follows a value, if the client can read that.
func skipField(b []byte, depth int) (rest []byte, ok bool) { //nolint:cyclop // a table of the wire's types
	if len(b) == 0 {
		return nil, false
	}
	kind, b := b[0], b[1:]
	size := 0
	switch kind {
	case 'V':
	case 't', 'b', 'B':
		size = 1
	case 's', 'u':
		size = 2
	case 'I', 'i', 'f':
		size = 4
	case 'D':
		size = 5
	case 'l', 'd', 'T':
		size = 8
	case 'S', 'x', 'A', 'F':
		if len(b) < 4 {
			return nil, false
		}
		n := binary.BigEndian.Uint32(b)
		if b = b[4:]; int64(n) > int64(len(b)) {
			return nil, false
		}
		size = int(n)
	default:
		return nil, false
	}
	if size > len(b) {
		return nil, false
	}
	switch kind {
	case 'A':
		ok = plainArray(b[:size], depth+1)
	case 'F':
		ok = plainTable(b[:size], depth+1)
	default:
		ok = true
	}
	return b[size:], ok
}

// Package rows is how the store's rows look as bytes: keys whose order is the
// order of what they name, and compact, versioned values.
//
// Every decoder takes any bytes: it returns an error, never panics, and what it
// returns shares no memory with its input.
package rows

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Table is the first byte of a key.
type Table byte

// The tables, and what follows in their keys. A lane is route, name, epoch.
const (
	Meta        Table = 'm' // a name
	Routes      Table = 'r' // the route's name
	Ledgers     Table = 'g' // route
	Records     Table = 'l' // lane; those of the journal are newer
	Journal     Table = 'j' // route, number
	Blocked     Table = 'b' // lane; no value: those that do not flow or have rows parked
	Parked      Table = 'p' // lane, revision
	Skips       Table = 's' // lane, first revision
	Dead        Table = 'd' // route, id
	DeadByTime  Table = 't' // route, place; its brief
	DeadByName  Table = 'n' // route, name, place; its brief
	DeadByGroup Table = 'f' // route, fingerprint, place; its brief
	Unmirrored  Table = 'v' // route, place; its brief: those of Dead that are not mirrored
	Groups      Table = 'c' // route, fingerprint
	Archive     Table = 'z' // route, id
	Operations  Table = 'q' // route, id
	Events      Table = 'e' // route, seq: those that were not sent
	Told        Table = 'i' // route: the number of the last event
	OpenSkips   Table = 'k' // route, time, lane without its route, first revision; the range
	Audits      Table = 'a' // seq, of all routes
	AuditByKey  Table = 'y' // route, name, seq; no value
	Positions   Table = 'o' // route, topic id, partition
	Seen        Table = 'w' // route, era, print; no value

	// Up to format 4 of the store.
	OldDeadByName Table = 'x' // route, name, id; no value
	OldUnmirrored Table = 'u' // route, id; no value
)

// A name ends with two bytes that sort below anything it could go on with, so
// that keys sort as names do and none is a prefix of another.
const (
	escape     = 0x00
	terminator = 0x01 // after escape: the name ends
	literal    = 0xff // after escape: a zero byte of the name
)

var errKey = errors.New("malformed key")

// AppendRoute starts a key: its table and its route.
func AppendRoute(dst []byte, t Table, route uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, byte(t)), route)
}

// AppendName adds a name of any bytes.
func AppendName(dst []byte, name string) []byte {
	for i := range len(name) {
		dst = append(dst, name[i])
		if name[i] == escape {
			dst = append(dst, literal)
		}
	}
	return append(dst, escape, terminator)
}

// AppendLane starts a key with a lane.
func AppendLane(dst []byte, t Table, route uint32, name string, epoch uint32) []byte {
	dst = AppendName(AppendRoute(dst, t, route), name)
	return binary.BigEndian.AppendUint32(dst, epoch)
}

// AppendRevision adds a revision; negative ones sort first.
func AppendRevision(dst []byte, r lane.Revision) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(r)^(1<<63))
}

// AppendSeq adds the number of an audit row.
func AppendSeq(dst []byte, seq uint64) []byte { return binary.BigEndian.AppendUint64(dst, seq) }

// SplitSeq takes the number of an audit row that ends a key.
func SplitSeq(key []byte) (uint64, error) {
	if len(key) < 8 {
		return 0, fmt.Errorf("%w: %d bytes for a number", errKey, len(key))
	}
	return binary.BigEndian.Uint64(key[len(key)-8:]), nil
}

// AppendPosition makes the key of a position.
func AppendPosition(dst []byte, route uint32, p *store.Position) []byte {
	dst = append(AppendRoute(dst, Positions, route), p.TopicID[:]...)
	return binary.BigEndian.AppendUint32(dst, uint32(p.Partition))
}

// AppendTime adds a time, so that keys sort as times do and as [store.PlaceOf].
func AppendTime(dst []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(t.UnixNano())^(1<<63))
}

// AppendPlace ends a key with the place of a dead letter.
func AppendPlace(dst []byte, at time.Time, id string) []byte {
	return append(AppendTime(dst, at), id...)
}

// placeBytes is how long the time in a [store.Brief]'s Place is, in hexadecimal.
const placeBytes = 16

// ParsePlace adds what [store.PlaceOf] made of a place; false: it made no such.
func ParsePlace(dst []byte, place string) ([]byte, bool) {
	if len(place) <= placeBytes || place[placeBytes] != '.' || strings.ToLower(place[:placeBytes]) != place[:placeBytes] {
		return dst, false
	}
	at, err := hex.DecodeString(place[:placeBytes])
	return append(append(dst, at...), place[placeBytes+1:]...), err == nil
}

// Fingerprint is that of a group: see [store.FingerprintOf]. Zero: none.
type Fingerprint [8]byte

// ParseFingerprint reads one; false: it is none.
func ParseFingerprint(s string) (f Fingerprint, ok bool) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(f) {
		return f, false
	}
	f = Fingerprint(raw)
	return f, f.String() == s
}

// FingerprintOf is the fingerprint of a dead letter as it is computed today.
func FingerprintOf(d *store.DeadLetter) Fingerprint {
	f, _ := ParseFingerprint(store.FingerprintOf(d))
	return f
}

func (f Fingerprint) String() string {
	if f == (Fingerprint{}) {
		return ""
	}
	return hex.EncodeToString(f[:])
}

// AppendGroup makes the key of a group.
func AppendGroup(dst []byte, route uint32, f Fingerprint) []byte {
	return append(AppendRoute(dst, Groups, route), f[:]...)
}

// AppendOpenSkip makes the key of a skipped range that is open. The name comes with the
// epoch, as in the keys of a lane.
func AppendOpenSkip(dst []byte, route uint32, at time.Time, name []byte, from lane.Revision) []byte {
	dst = AppendTime(AppendRoute(dst, OpenSkips, route), at)
	return AppendRevision(append(dst, name...), from)
}

// SplitOpenSkip takes the lane out of the key of an open range.
func SplitOpenSkip(key []byte) (name string, epoch uint32, err error) {
	if len(key) < 8 {
		return "", 0, errKey
	}
	name, epoch, _, err = SplitLane(key[8:]) // the time stands where it skips a route
	return name, epoch, err
}

// AppendEra starts the keys of what was seen in an era.
func AppendEra(dst []byte, route, era uint32) []byte {
	return binary.BigEndian.AppendUint32(AppendRoute(dst, Seen, route), era)
}

// SplitLane takes apart a key that starts with a lane.
func SplitLane(key []byte) (name string, epoch uint32, rest []byte, err error) {
	if len(key) < 5 {
		return "", 0, nil, errKey
	}
	name, rest, err = SplitName(key[5:])
	if err == nil && len(rest) < 4 {
		err = errKey
	}
	if err != nil {
		return "", 0, nil, err
	}
	return name, binary.BigEndian.Uint32(rest), rest[4:], nil
}

// SplitName takes a name from the front of what follows the route in a key.
func SplitName(key []byte) (name string, rest []byte, err error) {
	raw := make([]byte, 0, len(key))
	for i := 0; i < len(key); i++ {
		if key[i] != escape {
			raw = append(raw, key[i])
			continue
		}
		i++
		switch {
		case i < len(key) && key[i] == terminator:
			return string(raw), key[i+1:], nil
		case i < len(key) && key[i] == literal:
			raw = append(raw, escape)
		default:
			return "", nil, errKey
		}
	}
	return "", nil, errKey
}

// SplitRevision takes a revision that ends a key.
func SplitRevision(rest []byte) (lane.Revision, error) {
	if len(rest) != 8 {
		return 0, fmt.Errorf("%w: %d bytes for a revision", errKey, len(rest))
	}
	return lane.Revision(binary.BigEndian.Uint64(rest) ^ (1 << 63)), nil
}

// End returns the first key behind all that start with prefix.
func End(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

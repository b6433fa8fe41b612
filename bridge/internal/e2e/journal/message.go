package journal

import (
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Message is a message as it is handed to a source.
type Message struct {
	Key     string
	Rev     int64
	ID      string            // the message id; empty: the source gives none
	Headers map[string]string // beside key and revision
	Body    []byte
}

// Entry is a line of a journal: which message, and a print of all that must
// arrive unchanged.
type Entry struct {
	Key   string
	Rev   int64
	ID    string
	Print uint64 // of body and headers; 0: not known
}

// Entry is the message's line.
func (m Message) Entry() Entry {
	return Entry{Key: m.Key, Rev: m.Rev, ID: m.ID, Print: Print(m.Body, m.Headers)}
}

// Print is a hash of a body and its headers, with no body kept apart from an
// empty one.
func Print(body []byte, headers map[string]string) uint64 {
	h := xxhash.New()
	if body != nil {
		_, _ = h.WriteString("body\x00")
	}
	_, _ = h.Write(body)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		_, _ = h.WriteString("\x00" + name + "\x00" + headers[name])
	}
	return max(h.Sum64(), 1)
}

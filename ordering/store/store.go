// Package store is where lanes are remembered: checkpoints, parked messages,
// skipped ranges, dead letters and the ledger that accounts for each message;
// beside them what operators did, and how far a Kafka source has come.
//
// The unit is a [Change]: everything that one step, or several merged steps, of
// one lane did. A change is stored whole or not at all, and is on stable storage
// before [Store.Commit] returns nil for it. How changes are grouped into one
// fsync is the store's own business.
//
// Implementations live in folders of their own and run the suite in storetest.
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// Errors that callers tell apart.
var (
	// ErrConflict: the lane's version is not the one the change was built on.
	// Nothing of the change was stored. The caller reloads the lane.
	ErrConflict = errors.New("store: the lane was changed by another owner")
	// ErrIdentity: the route was stored with another source, key, revision or
	// order, so its checkpoints would mean something else.
	ErrIdentity = errors.New("store: the route's identity has changed")
	// ErrFormat: the files were written by a version this one cannot read.
	ErrFormat = errors.New("store: unknown format version")
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("store: in use by another process")
	// ErrNotFound: there is no such dead letter, or no such route.
	ErrNotFound = errors.New("store: not found")
	// ErrFull: the disk is full. Nothing of the change was stored; try again
	// when there is room, the store goes on by itself.
	ErrFull = errors.New("store: the disk is full")
	// ErrFailed: the store broke, for example because an fsync failed, and what
	// was under way may or may not be stored. It takes and tells nothing more
	// until it is opened anew.
	ErrFailed = errors.New("store: failed")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store: closed")
)

// Store remembers the lanes of any number of routes. All methods are safe for
// concurrent use. Returned values belong to the caller, and so do a call's
// arguments once it has returned. Times come back in UTC, without a monotonic
// reading. A route that was never opened is ErrNotFound.
//
// What Load, Parked, Find and Skips return is durable: where a commit of that
// lane is under way they wait for it, so a message may be acknowledged on their
// word. Lanes, DeadLetters and DeadLetter may show what is about to be.
type Store interface {
	// Open registers a route and returns its ledger. A route that is stored
	// under the same name with another identity is refused with ErrIdentity.
	Open(ctx context.Context, id Identity) (Ledger, error)
	// Load returns the record of a lane; Version 0 says that none is stored.
	Load(ctx context.Context, k Key) (Record, error)
	// Commit stores each change whole or not at all and returns an error per
	// change, nil where it is durable. A call has at most one change with a
	// Record per lane. After ErrConflict and ErrFull nothing of a change is
	// stored; after any other error, as when ctx ends while the disk works, that
	// is unknown, and the lane's version tells.
	Commit(ctx context.Context, changes ...Change) []error
	// Parked returns up to limit parked messages of a lane from the given
	// revision upwards, in order. Limit 0: all.
	Parked(ctx context.Context, k Key, from lane.Revision, limit int) ([]Message, error)
	// ParkedRuns returns the revisions of up to look parked messages of a lane from
	// the given one upwards, in order; neighbours are one run. It reads no message,
	// which makes it fast, and like Lanes it may show what is about to be.
	ParkedRuns(ctx context.Context, k Key, from lane.Revision, look int) ([]Run, error)
	// Find says what is stored of one revision of a lane.
	Find(ctx context.Context, k Key, r lane.Revision) (Found, error)
	// Skips returns the skipped ranges of a lane, in order.
	Skips(ctx context.Context, k Key) ([]Skip, error)
	// Lanes yields the records that match, in the order of their keys.
	Lanes(ctx context.Context, q Query) iter.Seq2[Record, error]
	// DeadLetters yields the dead letters that match, in the order in which they
	// were given up, by Place.
	DeadLetters(ctx context.Context, q Query) iter.Seq2[DeadLetter, error]
	// Briefs is DeadLetters without the messages, which makes it fast.
	Briefs(ctx context.Context, q Query) iter.Seq2[Brief, error]
	// DeadLetter returns one; ErrNotFound if there is none.
	DeadLetter(ctx context.Context, route, id string) (DeadLetter, error)
	// Groups returns the dead letters of a route by their cause, as of the last
	// commit, by fingerprint.
	Groups(ctx context.Context, route string) ([]Group, error)
	// Archive yields what was put away, by id; of q only Route, Key, Group, After
	// (an id) and Limit count.
	Archive(ctx context.Context, q Query) iter.Seq2[Archived, error]
	// Archived returns one; ErrNotFound if there is none.
	Archived(ctx context.Context, route, id string) (Archived, error)
	// Operations returns the operations of a route, by id. What it tells is durable.
	Operations(ctx context.Context, route string) ([]Operation, error)
	// Events returns up to limit events of a route that were not sent, by Seq, from
	// behind after on. What it tells is durable. Limit 0: all.
	Events(ctx context.Context, route string, after uint64, limit int) ([]Event, error)
	// OpenSkips yields the skipped ranges of a route that no operator has closed,
	// from behind after on, of which the zero value is in front of all: oldest first,
	// and those of a time by key, epoch and From. Like Lanes it may show what is about
	// to be.
	OpenSkips(ctx context.Context, route string, after OpenSkip) iter.Seq2[OpenSkip, error]
	// Audits yields what operators did, in order of Seq, or against it. Like Lanes it
	// may show what is about to be.
	Audits(ctx context.Context, q AuditQuery) iter.Seq2[Audit, error]
	// Positions returns the positions saved for a route, by topic id and
	// partition. What it tells is durable.
	Positions(ctx context.Context, route string) ([]Position, error)
	// SavePositions stores positions, each in the place of the one with its topic
	// id and partition. They are durable when it returns nil; after an error other
	// than ErrFull it is unknown whether they are stored, and a later call is not
	// undone by one that was left under way.
	SavePositions(ctx context.Context, route string, ps ...Position) error
	// Seen says of each print whether a message with it was remembered
	// ([Change].Seen) in an era from since on. A yes is durable.
	Seen(ctx context.Context, route string, since uint32, prints []SeenPrint) ([]bool, error)
	// Forget drops what was remembered in the eras before one. It may come back if
	// the process crashes, to be dropped again.
	Forget(ctx context.Context, route string, before uint32) error
	// Ledger returns a route's counts as of the last commit.
	Ledger(ctx context.Context, route string) (Ledger, error)
	// AuditHead returns the number and the hash of the last audit row; zero where
	// there is none.
	AuditHead(ctx context.Context) (seq uint64, hash AuditHash, err error)
	// Stats says how large the store is.
	Stats(ctx context.Context) (Stats, error)
	// ID names this store for as long as its files live.
	ID() string
	// Close waits for commits under way and releases the store.
	Close() error
}

// Identity is what a route's checkpoints depend on.
type Identity struct {
	Route    string `json:"route"`
	Source   string `json:"source"`   // for example "amqp queue orders"
	By       string `json:"by"`       // revision, arrival or none
	Key      string `json:"key"`      // where the key comes from
	Revision string `json:"revision"` // where the revision comes from
}

// Same returns ErrIdentity with the first difference to what is stored, or nil.
func (id Identity) Same(stored Identity) error {
	for _, f := range [...]struct{ name, now, then string }{
		{"source", id.Source, stored.Source},
		{"order", id.By, stored.By},
		{"key", id.Key, stored.Key},
		{"revision", id.Revision, stored.Revision},
	} {
		if f.now != f.then {
			return fmt.Errorf("%w: the %s of route %q was %q and is %q", ErrIdentity, f.name, id.Route, f.then, f.now)
		}
	}
	return nil
}

// Key names a lane.
type Key struct {
	Route string
	Name  string // the key of its messages; empty: not a lane but the route itself
	Epoch uint32
}

// Record is a lane as it is stored.
type Record struct {
	Key     Key
	Version uint64 // 0: nothing stored
	State   lane.State
	Since   time.Time     // when the lane's mode last changed
	Due     time.Time     // lane.Waiting: when the next try is due. Quarantined, Locked: when an operator asked for what is not done yet
	Stamp   lane.Revision // the last number given to what was delivered, where a route numbers that anew; 0: none
}

// Blocked reports whether a lane does not flow or has something parked.
func (r *Record) Blocked() bool {
	return r.State.Mode != lane.Flowing || r.State.Parked > 0
}

// Message is a message in the store. Metadata and Payload come back byte for
// byte; a nil Payload comes back nil, an empty one empty.
type Message struct {
	Rev      lane.Revision
	ID       string // the message id
	Metadata map[string]string
	Payload  []byte
	Print    lane.Print
	ParkedAt time.Time
	Tries
}

// Size is what a message counts in [Ledger].ParkedBytes: its id, metadata and
// payload.
func (m *Message) Size() int64 {
	n := len(m.ID) + len(m.Payload)
	for k, v := range m.Metadata {
		n += len(k) + len(v)
	}
	return int64(n)
}

// DeadLetter is a message given up, with its story. ID is unique within its
// route; writing the same id again replaces it and is counted once.
type DeadLetter struct {
	Route  string
	ID     string
	Lane   bool // it stands at its lane's next revision, or stood there; else it belongs to no lane
	Key    string
	Epoch  uint32
	Reason string
	Target string
	At     time.Time
	// Fingerprint names its group. Given by the store: see [FingerprintOf].
	Fingerprint string
	Message
}

// Nameless reports whether a message has no revision that can be used: its 0 is
// then no revision.
func (d *DeadLetter) Nameless() bool {
	switch d.Reason {
	case "undecodable", "key_missing", "key_invalid", "revision_missing", "revision_invalid":
		return !d.Lane
	}
	return d.Key == ""
}

// Brief is a dead letter without its message.
type Brief struct {
	ID          string
	At          time.Time
	Fingerprint string
	Reason      string
	Lane        bool
	Key         string
	Epoch       uint32
	Rev         lane.Revision
}

// Brief returns the dead letter without its message.
func (d *DeadLetter) Brief() Brief {
	return Brief{
		ID: d.ID, At: d.At, Fingerprint: d.Fingerprint, Reason: d.Reason,
		Lane: d.Lane, Key: d.Key, Epoch: d.Epoch, Rev: d.Rev,
	}
}

// Place is where it stands among the dead letters of its route: the later it was
// given up, the higher. It changes when it is written again.
func (b *Brief) Place() string { return PlaceOf(b.At, b.ID) }

// PlaceOf is the place of what was given up at a time; with an empty id, in front
// of all of that time.
func PlaceOf(at time.Time, id string) string {
	return fmt.Sprintf("%016x.%s", uint64(at.UnixNano())^(1<<63), id)
}

// Skip is a range of revisions a lane went on without, bounds included.
type Skip struct {
	From, To lane.Revision
	At       time.Time
	By       string // "gap", or who
	Reason   string
}

// Run is revisions that follow each other, bounds included.
type Run struct{ From, To lane.Revision }

// AppendRun adds a revision above all in runs, which are in order.
func AppendRun(runs []Run, r lane.Revision) []Run {
	if n := len(runs); n > 0 && runs[n-1].To == r-1 {
		runs[n-1].To = r
		return runs
	}
	return append(runs, Run{r, r})
}

// Found is what is stored of one revision.
type Found struct {
	Parked  bool
	Print   lane.Print // of the parked message
	Skipped bool       // inside a skipped range
}

// OpenSkip is a skipped range that no operator has closed yet.
type OpenSkip struct {
	Key Key
	Skip
}

// Compare is the order in which [Store.OpenSkips] yields the open ranges of a route.
func (o *OpenSkip) Compare(b *OpenSkip) int {
	return cmp.Or(cmp.Compare(PlaceOf(o.At, ""), PlaceOf(b.At, "")), cmp.Compare(o.Key.Name, b.Key.Name),
		cmp.Compare(o.Key.Epoch, b.Key.Epoch), cmp.Compare(o.From, b.From))
}

// Query selects lanes or dead letters of one route.
type Query struct {
	Route   string
	Key     string // only this key, lanes in all their epochs; empty: all
	Blocked bool   // lanes only: those that do not flow, or have something parked
	Group   string // dead letters only: those with this fingerprint
	// Since and Until select dead letters that were given up at Since or later, and
	// before Until. Zero: no bound.
	Since, Until time.Time
	// Unmirrored selects dead letters that were not marked as [Mirrored] since they
	// were last written. These are durable when they are yielded.
	Unmirrored bool
	// Newest shows dead letters in the other direction: the one that was given up last
	// comes first, and behind a Place are those that were given up before.
	Newest bool
	After  string // continue behind this key (lanes) or Place (dead letters)
	Limit  int    // 0: no limit. Lanes: the epochs of a key are not torn apart, so there may be a few more
}

// Behind reports whether a dead letter comes after where the query continues.
func (q *Query) Behind(place string) bool {
	if q.Newest {
		return q.After == "" || place < q.After
	}
	return place > q.After
}

// SeenPrint tells a message from all others, where it has no revision: 128 bits
// of a cryptographic hash, because what is taken for a duplicate is dropped.
type SeenPrint [16]byte

// Sighting is a message that ended, so that it is known when it comes again. Era
// groups them: the second, since 1970, before which it ended. There should be few
// at a time.
type Sighting struct {
	Print SeenPrint
	Era   uint32
}

// Stats is the size of a store.
type Stats struct {
	Bytes int64 // on disk; in memory, an estimate
	Free  int64 // left on its disk; 0: unknown
}

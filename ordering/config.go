package ordering

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/spans"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Errors of a wrong use.
var (
	// ErrProduces: the handler returned messages for the router to publish. They
	// would leave after the checkpoint; publish inside the handler.
	ErrProduces = errors.New("ordering: the handler returns messages for the router to publish, they would leave after the checkpoint: publish inside the handler")
	// ErrLocalStore: a store on this machine's disk and no SingleInstance: three
	// replicas with three stores would each see false gaps.
	ErrLocalStore = errors.New("ordering: a local store needs SingleInstance: true, because every replica would see only a part of each key")
	// ErrHandlers: one Resequencer was put in front of two handlers.
	ErrHandlers = errors.New("ordering: one Resequencer serves one handler: make one, with a Route of its own, for each")
	// ErrNotRunning: a message came and Run was not called within NotRunningAfter.
	ErrNotRunning = errors.New("ordering: Run is not running: call go resequencer.Run(ctx)")
	// ErrStopped: Run has ended.
	ErrStopped = errors.New("ordering: stopped")
)

// Config is what a Resequencer needs. Route, Store and Identify are required.
type Config struct {
	// Route names this stream of messages in the store.
	Route string
	// Store remembers the lanes. The Resequencer does not close it.
	Store store.Store
	// SingleInstance says that no other process reads the same source. Required
	// with the stores of this module, which live on one machine.
	SingleInstance bool
	// Order is by what messages are put in order. Default [ByRevision].
	Order Order
	// Identify reads a message's key and revision; [By] makes one. It is called
	// from several goroutines. With another Order than ByRevision the revision is
	// not looked at; with [Unordered] neither is the key, and Identify may be nil.
	Identify func(*message.Message) (ID, error)
	// MessageID reads what tells a message from others where it has no revision, an
	// id or an idempotency key. A message with the same one, the same key and the
	// same fingerprint (Same) is a duplicate. Default [MessageUUID].
	MessageID Field
	// Remember is for how long at least, and for twice as long at most, messages
	// without revisions are recognised. Default 24 h; at least a second; negative: not
	// at all, and whatever comes again is delivered again.
	Remember time.Duration
	// Stamp numbers what is delivered, anew and per key (and epoch), from 1 and without a gap:
	// [Stamp] tells the number. It is durable with the checkpoint. A message that is
	// delivered again after a crash has the number it had; what is refused, not
	// taken or discarded has none. Should an operator discard a message of which it
	// is unknown whether the target has it, the next one gets its number.
	Stamp bool
	// StampHeader is where the number is written before the handler is called. "":
	// nowhere.
	StampHeader string
	// Takes says whether a message is for this route; nil: all are. One that is not
	// settles its revision at its turn without being published, so that it leaves
	// no gap; without a usable key and revision it is acknowledged as it comes.
	// Takes is called from several goroutines, and again for what comes from the
	// store. What it cannot judge it takes, for Identify to refuse.
	Takes func(*message.Message) bool
	// Same is the fingerprint that tells a copy from a conflict. Default [Body].
	Same func(*message.Message) lane.Print
	// Identity is what the checkpoints depend on; a change of it is refused. Route
	// is filled in.
	Identity store.Identity
	// Target names where messages go, in dead letters.
	Target string

	// Events has what others should hear of (dead letters, quarantines, skips, what
	// operators discard, archive and purge) stored with it, for somebody to send; see
	// [store.Store].Events. Without somebody who does they pile up.
	Events bool
	// ReplyTo reads who wants to be told if a message fails, for its event. nil:
	// nobody does. It returns nil where the sender did not ask. Where it panics, nobody
	// is told.
	ReplyTo func(*message.Message) *store.Reply

	// First is the first revision of every key. With Adopt a new key starts at the
	// lowest revision that comes within AdoptAfter (default 2 s).
	First      lane.Revision
	Adopt      bool
	AdoptAfter time.Duration
	// AdoptOnce starts every key whose gap expires at what it has, for a store
	// that was lost or is older than the source.
	AdoptOnce bool

	// Hold is how long what waits stays in memory, unacknowledged, before it is
	// parked in the store. 0 parks at once, which subscribers that keep one message
	// in flight need.
	Hold time.Duration
	// GapTimeout is how long a gap may last before OnGap applies. It counts only
	// while the source delivers, and from when Lag was seen to be 0, or from ten
	// times as long. Default 1 minute.
	GapTimeout time.Duration
	// OnGap is lane.Quarantine, lane.Wait or lane.Skip.
	OnGap lane.Resolve
	// OnFailure is lane.Quarantine, lane.Continue or lane.Stop. With [Unordered] the
	// first is the second.
	OnFailure lane.Resolve
	// StopAfter stops the route when so many of the messages that ended last became
	// dead letters. Default never.
	StopAfter StopAfter

	// Window is how many messages the source hands out unacknowledged; it bounds
	// what is held. Default 2000.
	Window int
	// MaxAhead is how many revisions of a key may be published ahead of their
	// checkpoint, and so how many may be published twice after a crash. Default 64.
	MaxAhead int
	// Chunk is how many consecutive messages of a key one call may hold, at most.
	// More than one only for a batch handler that delivers them whole or not at all:
	// it must refuse a message whose [Chunk] is not nil unless the one before it in
	// the call is the one before it in the chunk, and goes where it goes. Such a
	// refusal spends no try. Default 1.
	Chunk int
	// MaxJump is how far a revision may be above the highest known one. Default
	// 10,000.
	MaxJump lane.Revision
	// Workers is how many calls of the handler may run at once. Default 4 for
	// batches, 64 for the middleware.
	Workers int
	// Lanes is how many idle lanes stay in memory. Default 100,000.
	Lanes int
	// Drain is how long a stop may take. Default 20 s.
	Drain time.Duration
	// OutageAfter is how long the target may be unavailable until what is in hand is
	// parked and the source is paused; and how long a call of the handler may take
	// until that is done for what it has, or, when no worker is left, for all.
	// Default 1 minute.
	OutageAfter time.Duration

	// Lag says how many messages wait in the source. nil: unknown.
	Lag func(context.Context) (int64, error)
	// Pause is called with true when the source shall stop handing out messages for
	// a while, and with false when it may go on. nil: it is only slowed down.
	Pause func(bool)
	// Confirmed is told of each message that the target has how long that took since
	// it was taken, or since it was put into the store last; not of dead letters that
	// are sent again. It is called by one goroutine, must return at once and must not
	// call the Resequencer. nil: nobody is told.
	Confirmed func(after time.Duration)
	// Abort is called when half of Drain has passed and the handler still has not
	// answered: it should end what the handler waits for. What is interrupted by it
	// is parked. nil: nothing is interrupted.
	Abort func()
	// Committed is told how long each commit took, whether it failed or not. It is
	// called by one goroutine, and must return at once. nil: nobody is told.
	Committed func(took time.Duration)
	// Logger gets life cycle and what an operator must see. Default slog.Default.
	Logger *slog.Logger
	// Spans follows messages with OpenTelemetry: a process span for each try, which
	// the handler finds in the message's context, and settle spans. nil: nothing is
	// followed.
	Spans *spans.Tracer
	// Correlation reads the correlation id of a message, for log lines about it. nil:
	// metadata correlation_id.
	Correlation func(*message.Message) string
	// NotRunningAfter is how long a message waits for Run. Default 10 s.
	NotRunningAfter time.Duration
}

// check reports what is missing and fills in the defaults.
func (c *Config) check() error {
	switch {
	case c.Route == "":
		return errors.New("ordering: Config.Route is empty")
	case c.Store == nil:
		return errors.New("ordering: Config.Store is nil")
	case c.Identify == nil && c.Order != Unordered:
		return errors.New("ordering: Config.Identify is nil")
	case !c.SingleInstance:
		return ErrLocalStore
	case c.First < 0:
		return fmt.Errorf("ordering: Config.First is %d, it cannot be negative", c.First)
	case c.Order > Unordered:
		return fmt.Errorf("ordering: Config.Order is %d, which is none", c.Order)
	case c.Stamp && c.Order == Unordered:
		return errors.New("ordering: Config.Stamp needs an order, ByRevision or ByArrival")
	case c.Remember > 0 && c.Remember < time.Second:
		return fmt.Errorf("ordering: Config.Remember is %s, it is at least a second", c.Remember)
	}
	if err := c.StopAfter.check(); err != nil {
		return err
	}
	c.Identity.Route = c.Route
	c.fill()
	return nil
}

// fill sets the defaults.
func (c *Config) fill() {
	if c.Same == nil {
		c.Same = Body
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	orDuration(&c.AdoptAfter, 2*time.Second)
	orDuration(&c.GapTimeout, time.Minute)
	orDuration(&c.Drain, 20*time.Second)
	orDuration(&c.OutageAfter, time.Minute)
	orDuration(&c.NotRunningAfter, 10*time.Second)
	orInt(&c.Window, 2000)
	orInt(&c.MaxAhead, 64)
	orInt(&c.Chunk, 1)
	orInt(&c.Lanes, 100_000)
	if c.MaxJump <= 0 {
		c.MaxJump = 10_000
	}
	if c.Order != ByRevision {
		c.fillUnrevised()
	}
}

// fillUnrevised sets what has only one meaning where the messages have no
// revisions.
func (c *Config) fillUnrevised() {
	if c.MessageID == nil {
		c.MessageID = MessageUUID
	}
	if c.Remember == 0 {
		c.Remember = 24 * time.Hour
	}
	c.First, c.Adopt, c.AdoptOnce = 1, false, false
	c.MaxJump, c.OnGap = noJump, lane.Wait
	if c.Order == Unordered && c.OnFailure == lane.Quarantine {
		c.OnFailure = lane.Continue // nothing would wait for it
	}
}

// rules are the settings as lanes know them.
func (c *Config) rules() *lane.Rules {
	return &lane.Rules{
		First: c.First, Adopt: c.Adopt, AdoptAfter: c.AdoptAfter,
		OnGap: c.OnGap, OnFailure: c.OnFailure,
		Hold: c.Hold, GapTimeout: c.GapTimeout,
		MaxJump: c.MaxJump, MaxAhead: lane.Revision(c.MaxAhead), MaxHeld: max(1, c.Window/4),
		FromHead: c.Order == ByArrival,
	}
}

func orDuration(d *time.Duration, v time.Duration) {
	if *d <= 0 {
		*d = v
	}
}

func orInt(n *int, v int) {
	if *n <= 0 {
		*n = v
	}
}

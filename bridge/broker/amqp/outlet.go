package amqp

import (
	"errors"
	"slices"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/ordering/failpoint"
)

const (
	// What may be on its way at a time. RabbitMQ is fast with a part of it; the
	// rest is for callers who would else wait for each other.
	mostParcels = 4096
	mostBytes   = 32 << 20
	// What is handed to the socket at a time.
	bundleParcels = 256
	bundleBytes   = 1 << 20
	frameOverhead = 8
)

// outlet publishes on one channel. Callers hand over bundles of parcels; one
// goroutine writes them, so that a socket which takes nothing holds nobody
// beyond their patience; each caller waits for the confirms of its own, so that
// one that does not come holds up no other caller.
//
// RabbitMQ sends a message back before it confirms it, and the client hands over
// both in this order. So whoever looks at a confirm has every return that came
// before it in returns, which has room for all.
type outlet struct {
	t       *Target
	link    *link
	ch      *amqp.Channel
	returns chan amqp.Return
	lost    chan *amqp.Error // the channel ended
	stray   chan struct{}    // astray is to be looked at
	doubt   chan struct{}    // the queue seems to be gone
	ended   chan struct{}    // closed when all that follows of it is known
	writer  sync.WaitGroup
	dcs     []*amqp.DeferredConfirmation // reused by write

	mu      sync.Mutex
	wake    *sync.Cond // something that next looks at has changed
	queue   []*bundle
	flying  []*parcel // written, in this order; from time to time without those that are known
	open    int       // of them not known
	bytes   int
	late    map[string][]*parcel // nobody waits for them, by message id
	arrived arrived              // of those, what has arrived since
	block   string               // why RabbitMQ takes nothing now
	astray  bool                 // a return fits nothing
	over    bool
	trial   *trial // once ended
}

// bundle is a part of a caller's parcels.
type bundle struct {
	parcels []*parcel
	taken   bool
	written chan struct{} // closed when it was, or never will be
}

// newOutlet opens a channel, blocked or not as its connection is.
func newOutlet(t *Target, l *link, block string) (*outlet, error) {
	ch, err := l.Channel()
	if err != nil {
		return nil, err
	}
	o := &outlet{
		t: t, link: l, ch: ch, block: block,
		returns: ch.NotifyReturn(make(chan amqp.Return, mostParcels+bundleParcels)),
		lost:    ch.NotifyClose(make(chan *amqp.Error, 1)),
		stray:   make(chan struct{}, 1),
		doubt:   make(chan struct{}, 1),
		ended:   make(chan struct{}),
		late:    map[string][]*parcel{},
	}
	o.wake = sync.NewCond(&o.mu)
	if err := ch.Confirm(false); err != nil {
		_ = ch.Close()
		return nil, err
	}
	o.writer.Go(o.write)
	return o, nil
}

// send publishes parcels and gives those their result whose outcome becomes
// known. It returns the others, which were lost when the outlet ended.
func (o *outlet) send(ps []*parcel, w *patience) (lost []*parcel) {
	for _, b := range o.enqueue(ps) {
		if err := o.await(b, w); err != nil {
			o.giveUp(b, err)
			continue
		}
		lost = append(lost, o.collect(b, w)...)
	}
	return lost
}

// enqueue hands parcels to the writer. Those that are on their way already, and
// were given up by whoever sent them, are not written again.
func (o *outlet) enqueue(ps []*parcel) []*bundle {
	o.mu.Lock()
	defer o.mu.Unlock()
	before, ps := o.adopt(o.fitting(ps))
	bundles := split(ps)
	if o.over {
		for _, b := range bundles {
			close(b.written)
		}
	} else {
		o.queue = append(o.queue, bundles...)
		o.wake.Signal()
	}
	if len(before) > 0 {
		b := &bundle{parcels: before, taken: true, written: make(chan struct{})}
		close(b.written)
		bundles = append(bundles, b)
	}
	return bundles
}

// fitting returns the parcels that the connection has room for.
func (o *outlet) fitting(ps []*parcel) []*parcel {
	frame := o.link.Config.FrameSize - frameOverhead
	if o.link.Config.FrameSize == 0 {
		return ps
	}
	return slices.DeleteFunc(ps, func(p *parcel) bool {
		if p.header > frame {
			*p.result = oversized(p, frame)
		}
		return p.header > frame
	})
}

func split(ps []*parcel) (bundles []*bundle) {
	for len(ps) > 0 {
		n, bytes := 0, 0
		for n < len(ps) && n < bundleParcels && bytes < bundleBytes {
			bytes += ps[n].size()
			n++
		}
		bundles = append(bundles, &bundle{parcels: ps[:n:n], written: make(chan struct{})})
		ps = ps[n:]
	}
	return bundles
}

// write is the goroutine that writes.
func (o *outlet) write() {
	for b := o.next(); b != nil; b = o.next() {
		o.put(b)
	}
}

// next waits for a bundle and for leave to write it. It is nil at the end.
func (o *outlet) next() *bundle {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		o.reap()
		switch {
		case o.over:
			return nil
		case len(o.queue) > 0 && o.block == "" && o.open < mostParcels && o.bytes < mostBytes:
			b := o.queue[0]
			o.queue[0] = nil
			o.queue = o.queue[1:]
			b.taken = true
			for _, p := range b.parcels {
				o.open++
				o.bytes += p.size()
			}
			o.flying = append(o.flying, b.parcels...)
			return b
		}
		o.wake.Wait()
	}
}

// put writes a bundle, as far as the channel goes.
func (o *outlet) put(b *bundle) {
	dcs := o.dcs[:0]
	o.link.line.cork()
	for _, p := range b.parcels {
		dc, err := o.ch.PublishWithDeferredConfirm(p.exchange, p.key, true, false, p.Publishing)
		if err != nil {
			if !errors.Is(err, amqp.ErrClosed) { // then nobody knows what was written
				_ = o.link.line.Close()
			}
			break
		}
		dcs = append(dcs, dc)
	}
	o.link.line.uncork()
	o.mu.Lock()
	for i, dc := range dcs {
		b.parcels[i].dc = dc
	}
	o.mu.Unlock()
	clear(dcs)
	o.dcs = dcs
	close(b.written)
}

// await returns when the outcomes of a bundle are known, or the outlet ended, or
// patience does.
func (o *outlet) await(b *bundle, w *patience) error {
	if err := w.await(b.written); err != nil {
		return err
	}
	failpoint.Hit(failpoint.Unconfirmed)
	for _, p := range b.parcels {
		if p.dc == nil {
			continue
		}
		if err := w.await(p.dc.Done()); err != nil {
			return err
		}
		if p.dc.Acked() {
			w.learned()
		}
	}
	return nil
}

// blocked is told that RabbitMQ takes nothing, and why, or with "" that it does.
func (o *outlet) blocked(why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.block = why
	o.wake.Signal()
}

// nudge has next look for what became of those nobody waits for.
func (o *outlet) nudge() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.late)+len(o.arrived.order) > 0 {
		o.wake.Signal()
	}
}

// finish ends the outlet, whose channel is closed, because of cause. What is
// lost with it may have to be tried singly.
func (o *outlet) finish(cause error) {
	o.mu.Lock()
	o.over = true
	queue := o.queue
	o.queue = nil
	o.wake.Signal()
	o.mu.Unlock()
	o.writer.Wait()
	for _, b := range queue {
		close(b.written)
	}
	o.mu.Lock()
	o.sweep()
	if o.t.blames(cause) {
		o.trial = o.t.newTrial(o.unknown())
	}
	o.mu.Unlock()
	close(o.ended)
}

// unknown returns the parcels whose callers cannot know what became of them, as
// they were written.
func (o *outlet) unknown() (ps []*parcel) {
	for _, p := range o.flying {
		if known, _ := o.outcome(p); !known && !p.known && !p.late {
			ps = append(ps, p)
		}
	}
	return ps
}

package console

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

const (
	onceFor = 10 * time.Minute
	maxOnce = 1000
)

// once does what a form asks for once, however often it is sent: a second click
// gets what came of the first.
type once struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]*deed
}

// deed is what was asked for, and what came of it when it is done.
type deed struct {
	done       chan struct{}
	says, next string
	err        error
	until      time.Time
}

func newOnce(now func() time.Time) *once { return &once{now: now, all: map[string]*deed{}} }

// errLost is what came of a deed that did not return.
var errLost = errors.New("it ended before it was done")

// nameOf is short, whatever a form calls itself.
func nameOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return string(sum[:])
}

// do does it, or waits for who does it already. Without a name it is just done.
func (o *once) do(name string, do func() (says, next string, err error)) (says, next string, err error) {
	if name == "" {
		return do()
	}
	name = nameOf(name)
	d, mine := o.take(name)
	if !mine {
		<-d.done
		return d.says, d.next, d.err
	}
	d.err = errLost
	defer func() {
		if _, done := errors.AsType[cameBack](d.err); d.err != nil && !done { // it may be asked for again, mended
			o.mu.Lock()
			delete(o.all, name)
			o.mu.Unlock()
		}
		close(d.done)
	}()
	d.says, d.next, d.err = do()
	return d.says, d.next, d.err
}

// take is the deed of a name, and whether it is still to be done. Where there are too
// many, the oldest is forgotten.
func (o *once) take(name string) (d *deed, mine bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d, ok := o.all[name]; ok {
		return d, false
	}
	now, first := o.now(), ""
	for name, old := range o.all {
		switch {
		case now.After(old.until):
			delete(o.all, name)
		case first == "" || old.until.Before(o.all[first].until):
			first = name
		}
	}
	if len(o.all) >= maxOnce {
		delete(o.all, first)
	}
	d = &deed{done: make(chan struct{}), until: now.Add(onceFor)}
	o.all[name] = d
	return d, true
}

// past is what came of a name that was done; false where it was not, or in vain.
func (o *once) past(name string) (*deed, bool) {
	o.mu.Lock()
	d, ok := o.all[nameOf(name)]
	o.mu.Unlock()
	if !ok {
		return nil, false
	}
	<-d.done
	return d, d.err == nil
}

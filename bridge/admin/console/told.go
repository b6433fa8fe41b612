package console

import (
	"crypto/rand"
	"sync"
	"time"
)

const (
	toldFor = time.Minute
	maxTold = 256
)

// told keeps what was just done for the page that is shown next. Its address has
// a name of it only, so that nobody can have a page say what they like.
type told struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]telling
}

type telling struct {
	Says  string
	Bad   bool // it did not come to what was meant
	until time.Time
}

func newTold(now func() time.Time) *told { return &told{now: now, all: map[string]telling{}} }

// keep keeps what is to be told, and names it.
func (t *told) keep(says string, bad bool) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for name, old := range t.all {
		if len(t.all) >= maxTold || now.After(old.until) {
			delete(t.all, name)
		}
	}
	name := rand.Text()
	t.all[name] = telling{says, bad, now.Add(toldFor)}
	return name
}

// take is what was kept, for as long as it is news.
func (t *told) take(name string) telling {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old, ok := t.all[name]; ok && t.now().Before(old.until) {
		return old
	}
	return telling{}
}

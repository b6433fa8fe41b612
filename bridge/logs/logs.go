// Package logs keeps a log readable while something goes wrong many times over:
// of what is alike, some lines a minute are written, and then one that says how
// many there were.
//
// Alike is what has the same level, message (but for its words that have digits),
// route, reason and class. The first of a kind is always written at once, whatever else is
// logged; what is below info is written as it comes. Memory does not grow with
// what is logged.
package logs

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// More is added to the message of a line that stands for others.
const More = " … and more of the same"

// maxValue is how long a text in a line may be, in bytes.
const maxValue = 2 << 10

// Options say what is too much. The zero value is useful.
type Options struct {
	// PerMinute is how many lines of a kind are written in a minute. Default 20.
	PerMinute int
	// Kinds is how many kinds are told apart at once; of more, the one that came
	// first is forgotten, and said for. Default 1000.
	Kinds int
}

// Handler limits what another one writes. Build it with [New].
type Handler struct {
	next    slog.Handler
	book    *book
	kind    kind // what the attributes so far say of it
	grouped bool // attributes that come are in a group, and say nothing of the kind
}

// kind is what lines that are alike have in common.
type kind struct {
	level                slog.Level
	message              string
	route, reason, class string
}

// New limits a handler. Close has to be called at the end.
func New(next slog.Handler, o Options) *Handler {
	return &Handler{next: next, book: &book{
		most: cmp.Or(o.PerMinute, 20), kinds: cmp.Or(o.Kinds, 1000), pages: map[kind]*page{},
	}}
}

// Close says what was not written yet. What is logged later is written as it
// comes.
func (h *Handler) Close() {
	h.book.close()
}

// Enabled is that of the other handler.
func (h *Handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

// WithAttrs returns a handler whose lines have more attributes.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.next = h.next.WithAttrs(attrs)
	for _, a := range attrs {
		if !h.grouped {
			with.kind.note(a)
		}
	}
	return &with
}

// WithGroup returns a handler that puts what comes into a group.
func (h *Handler) WithGroup(name string) slog.Handler {
	with := *h
	with.next, with.grouped = h.next.WithGroup(name), h.grouped || name != ""
	return &with
}

// Handle writes a line, or counts it.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo {
		return h.next.Handle(ctx, r)
	}
	k := h.kind
	k.level, k.message = r.Level, alike(r.Message)
	if !h.grouped {
		r.Attrs(func(a slog.Attr) bool {
			k.note(a)
			return true
		})
	}
	if !h.book.admits(k, r, h.next) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

func (k *kind) note(a slog.Attr) {
	for name, at := range map[string]*string{"route": &k.route, "reason": &k.reason, "class": &k.class} {
		if a.Key == name && a.Value.Kind() == slog.KindString {
			*at = short(a.Value.String(), 128)
		}
	}
}

// alike is a message without its words that have a digit: those of libraries hold
// addresses, ids and numbers, of which there is no end.
func alike(message string) string {
	words := strings.Fields(short(message, 256))
	for i, w := range words {
		if strings.ContainsAny(w, "0123456789") {
			words[i] = "0"
		}
	}
	return strings.Join(words, " ")
}

func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for text = text[:most]; !utf8.ValidString(text) && len(text) > most-utf8.UTFMax; {
		text = text[:len(text)-1]
	}
	return text
}

// Bounded cuts texts and errors that are too long for a line. It is for
// [slog.HandlerOptions].ReplaceAttr.
func Bounded(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		if len(v.String()) > maxValue {
			a.Value = slog.StringValue(short(v.String(), maxValue) + "…")
		}
	case slog.KindAny:
		if err, ok := v.Any().(error); ok && len(err.Error()) > maxValue {
			a.Value = slog.StringValue(short(err.Error(), maxValue) + "…")
		}
	}
	return a
}

// book counts lines by their kinds.
type book struct {
	most, kinds int

	mu     sync.Mutex
	pages  map[kind]*page
	closed bool
}

// page is one kind in the minute that began with its first line.
type page struct {
	began  time.Time
	lines  int          // written
	more   int          // not written
	one    slog.Record  // the first of those
	to     slog.Handler // of that
	ending *time.Timer  // says how many there were
}

// admits reports whether a line is to be written.
func (b *book) admits(k kind, r slog.Record, to slog.Handler) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return true
	}
	p := b.pages[k]
	if p != nil && p.more == 0 && time.Since(p.began) >= time.Minute {
		delete(b.pages, k)
		p = nil
	}
	if p == nil {
		b.makeRoom()
		b.pages[k] = &page{began: time.Now(), lines: 1}
		return true
	}
	if p.lines < b.most {
		p.lines++
		return true
	}
	if p.more++; p.more == 1 {
		p.one, p.to = kept(r), to
		p.ending = time.AfterFunc(time.Until(p.began.Add(time.Minute)), func() { b.end(k, p) })
	}
	return false
}

// kept is a line as it is kept for a minute: short, and without what it points to.
func kept(r slog.Record) slog.Record {
	out := slog.NewRecord(r.Time, r.Level, short(r.Message, 256), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		switch a.Value = a.Value.Resolve(); a.Value.Kind() {
		case slog.KindString, slog.KindAny:
			a.Value = slog.StringValue(short(a.Value.String(), 256))
		case slog.KindGroup:
			return true
		}
		out.AddAttrs(a)
		return out.NumAttrs() < 20
	})
	return out
}

// makeRoom forgets the kind that came first, where there are too many.
func (b *book) makeRoom() {
	if len(b.pages) < b.kinds {
		return
	}
	var oldest kind
	var at time.Time
	for k, p := range b.pages {
		if at.IsZero() || p.began.Before(at) {
			oldest, at = k, p.began
		}
	}
	p := b.pages[oldest]
	delete(b.pages, oldest)
	p.say()
}

// end is when the minute of a kind is over.
func (b *book) end(k kind, p *page) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pages[k] == p {
		delete(b.pages, k)
		p.say()
	}
}

func (b *book) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for k, p := range b.pages {
		delete(b.pages, k)
		p.say()
	}
}

// say writes how many lines were left out, and one of them.
func (p *page) say() {
	if p.ending == nil {
		return
	}
	p.ending.Stop()
	r := slog.NewRecord(time.Now(), p.one.Level, p.one.Message+More, p.one.PC)
	r.AddAttrs(slog.Int("times", p.more), slog.String("in", time.Since(p.began).Round(time.Second).String()))
	p.one.Attrs(func(a slog.Attr) bool {
		r.AddAttrs(a)
		return true
	})
	_ = p.to.Handle(context.Background(), r) // a log that takes nothing has nobody to tell
}

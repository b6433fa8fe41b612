package config

import (
	"fmt"
	"io"
	"os"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

// Fault is one thing that is wrong with a topology file: File, Line and Col from
// 1 (0: no place), Path of the setting, Msg, and Hint for what was meant. Error
// prints file:line:col: path: message (hint); Excerpt is the line with a caret
// below the place, secrets masked.
type Fault = strict.Fault

// Faults is everything that is wrong with a file, in the order of the file.
// Error is a line for each; Report adds the excerpts. After 100 faults the rest
// is only counted.
type Faults = strict.Faults

// Load reads a topology file. env looks up ${NAME}, as os.LookupEnv does; nil:
// nothing is set. The error is [Faults] when the file was read.
func Load(path string, env func(string) (string, bool)) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open topology: %w", err)
	}
	defer func() { _ = f.Close() }()
	// One byte over the limit is enough to refuse a file of any size.
	data, err := io.ReadAll(io.LimitReader(f, strict.MaxBytes+len64(byteOrderMark)+1))
	if err != nil {
		return nil, fmt.Errorf("read topology: %w", err)
	}
	return Parse(path, data, env)
}

const byteOrderMark = "\xEF\xBB\xBF"

func len64(s string) int64 { return int64(len(s)) }

// Parse reads a topology from memory; name is what faults call it. See [Load].
func Parse(name string, data []byte, env func(string) (string, bool)) (*File, error) {
	f := &File{
		Name:     name,
		Store:    defaultStore(),
		Admin:    Admin{Listen: defaultListen},
		Defaults: defaultShared(),
	}
	d := strict.Read(name, data, env, fileForm(), f)
	if d.Parsed() {
		complete(f)
		check(d, f)
	}
	if faults := d.Faults(); len(faults) > 0 {
		return nil, faults
	}
	f.places = make(map[string]place, len(d.Places()))
	for path, p := range d.Places() {
		line, col := p.Pos()
		f.places[path] = place{line, col}
	}
	return f, nil
}

// complete fills in what rests on other settings.
func complete(f *File) {
	if f.Store.Pebble == nil && f.Store.Memory == nil {
		f.Store.Pebble = &Pebble{Dir: defaultDir}
	}
	for i := range f.Routes {
		f.completeRoute(&f.Routes[i])
	}
}

func (f *File) completeRoute(r *Route) {
	switch r.Order.By {
	case ByRevision:
		r.Order.Duplicates = Duplicates{}
	case ByNone:
		r.Order = Order{By: ByNone, Same: r.Order.Same, Duplicates: r.Order.Duplicates}
	case ByArrival:
		r.Order.Revision, r.Order.Epoch, r.Order.First, r.Order.Adopt = Field{}, Field{}, 0, false
	}
	if r.DeadLetter.Then == "" {
		r.DeadLetter.Then = Quarantine
		if r.Order.By == ByNone {
			r.DeadLetter.Then = Continue
		}
	}
	if f.readsStock(r) {
		r.Order.Gap.Hold = 0 // W9: it has one message in flight, and what is held would stop it
	}
	if r.To.Key == nil {
		r.To.Key = r.Order.Key
	}
	for i := range r.From {
		f.completeSource(r, &r.From[i])
	}
	f.completeTarget(&r.To)
	if r.DeadLetter.To != nil {
		f.completeTarget(r.DeadLetter.To)
	}
	if r.Events.To != nil {
		f.completeTarget(r.Events.To)
	}
}

func (f *File) completeSource(r *Route, from *From) {
	b, _ := f.Broker(from.Broker)
	if from.Window == 0 {
		from.Window = defaultWindow(b)
	}
	if b.Kafka != nil && from.Group == "" {
		from.Group = "bridge-" + r.Name
	}
	if b.Kafka != nil && from.Protocol == "" {
		from.Protocol = ProtocolClassic
	}
	if b.AMQP != nil && from.Declare.On && from.Declare.Type == "" {
		from.Declare.Type = defaultQueue
	}
}

func (f *File) completeTarget(to *To) {
	b, _ := f.Broker(to.Broker)
	if b.Client == ClientWatermill {
		to.Headers = HeadersText
	}
	if b.AMQP == nil || !to.Declare.On || to.Declare.Type != "" {
		return
	}
	to.Declare.Type = defaultQueue
	if to.Exchange != "" {
		to.Declare.Type = defaultExchange
	}
}

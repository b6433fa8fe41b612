package config

import (
	"regexp"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

// A grammar is a table: the key, where its value goes, what it may be, and what
// an editor says about it. One table decodes the file and makes its schema.

const namePattern = `^[a-z0-9][a-z0-9_-]{0,62}$`

var isName = regexp.MustCompile(namePattern).MatchString

const wantName = "a name of a-z, 0-9, _ and -, at most 63 long, that begins with a letter or digit"

func nameForm() strict.Scalar[string] {
	return strict.Scalar[string]{
		Type: strict.Text, Want: wantName,
		Shape: strict.Schema{Type: "string", Pattern: namePattern},
		Parse: func(text string) (string, error) {
			if !isName(text) {
				return "", &strict.Mismatch{}
			}
			return text, nil
		},
	}
}

// maxRoutes is more than one process should run, and keeps a hostile file small.
const maxRoutes = 1000

// fileForm has routes behind defaults, on which they rest.
func fileForm() strict.Object[File] {
	return strict.Object[File]{
		Meant: map[string]string{"pipelines": "routes", "connections": "brokers", "http": "admin", "storage": "store", "default": "defaults"},
		Fields: []strict.Field[File]{
			strict.Req("brokers", func(f *File) *[]Broker { return &f.Brokers }, brokersForm(),
				"The brokers, by the names that routes call them."),
			strict.Opt("store", func(f *File) *Store { return &f.Store }, storeForm(),
				"Where checkpoints, parked messages and dead letters are kept. Default: pebble in ./bridge-data."),
			strict.Opt("admin", func(f *File) *Admin { return &f.Admin }, adminForm(),
				"The HTTP interface for operators: API, health, metrics. off: none."),
			strict.Opt("defaults", func(f *File) *Shared { return &f.Defaults }, strict.Object[Shared]{Fields: sharedFields(own)},
				"What routes share. A route inherits each setting, overrides it, or says off."),
			strict.Req("routes", func(f *File) *File { return f }, routesForm{},
				"The routes: one source, one target, their order and policies."),
		},
	}
}

// routesForm gives every route the defaults of the file to start from.
type routesForm struct{}

func (routesForm) list(f *File) strict.List[Route] {
	start := func() Route { return Route{To: defaultTo(), Shared: f.Defaults} }
	return strict.List[Route]{Item: routeForm(), Start: start, Most: maxRoutes}
}

func (r routesForm) Decode(d *strict.Decoder, n strict.Node, f *File) {
	r.list(f).Decode(d, n, &f.Routes)
}

func (r routesForm) Schema(f *File) *strict.Schema { return r.list(f).Schema(nil) }

func storeForm() strict.Form[Store] {
	dir := strict.Object[Pebble]{Fields: []strict.Field[Pebble]{
		strict.Opt("dir", func(p *Pebble) *string { return &p.Dir }, strict.String(),
			"The directory, made if it is missing; one running bridge each."),
	}}
	pebble := strict.Ptr[Pebble]{Form: dir, Start: func() Pebble { return Pebble{Dir: defaultDir} }}
	return strict.Object[Store]{
		Meant: map[string]string{"dir": "pebble", "path": "pebble"},
		Fields: []strict.Field[Store]{
			strict.Opt("pebble", func(s *Store) **Pebble { return &s.Pebble }, pebble,
				"An embedded store in a directory of this machine."),
			strict.Opt("memory", func(s *Store) **Memory { return &s.Memory }, memoryForm(),
				"A store that is empty after a restart, for trials and tests."),
			strict.Opt("min_free", func(s *Store) *int64 { return &s.MinFree }, offOr(strict.Size(), "off or "),
				"Free disk space below which intake pauses, such as 512MiB. off: no limit."),
		},
	}
}

func memoryForm() strict.Form[*Memory] {
	return strict.Ptr[Memory]{Form: strict.Object[Memory]{}}
}

// offOr is a value or off, which is its zero value.
func offOr[T any](s strict.Scalar[T], want string) strict.Or[T] {
	s.Want = want + s.Want
	return strict.Or[T]{Form: s, Words: offWord(func(v *T) {
		var zero T
		*v = zero
	})}
}

func offWord[T any](set func(*T)) []strict.Word[T] {
	return []strict.Word[T]{{Text: "off", Set: set}}
}

package graph

import (
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/config"
)

// The three formats, as a test calls them.
var formats = map[string]struct {
	write func(io.Writer, Graph) error
	text  func(string) string // a text as it stands in the format
}{
	"mermaid": {Mermaid, mermaidText},
	"dot":     {DOT, dotText},
	"text":    {asText, asIs},
}

func asText(w io.Writer, g Graph) error { return Text(w, g, asIs) }

func asIs(s string) string { return s }

func written(t *testing.T, format string, g Graph) string {
	t.Helper()
	var b strings.Builder
	if err := formats[format].write(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEveryConfigIsDrawnInEveryFormat(t *testing.T) {
	paths, err := filepath.Glob("../../../configs/*.yaml")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		f, err := config.Load(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, format := range formats {
			drawn := written(t, name, Of(f))
			for _, title := range titles(Of(f)) {
				if !strings.Contains(drawn, format.text(title)) {
					t.Errorf("%s: no %q in\n%s", path, title, drawn)
				}
			}
			if drawn != written(t, name, Of(f)) {
				t.Errorf("%s is drawn otherwise the second time", path)
			}
		}
	}
}

// titles is what must be in a drawing.
func titles(g Graph) (all []string) {
	for _, b := range g.Brokers {
		all = append(all, b.String())
		for _, p := range b.Places {
			all = append(all, p.String())
		}
	}
	for _, r := range g.Routes {
		all = append(all, r.String())
	}
	return all
}

// What several routes share is drawn once, at the broker that they call it by.
func TestPlacesAreDrawnOnce(t *testing.T) {
	f, err := config.Parse("test.yaml", []byte(`
brokers:
  a: { memory: {} }
  b: { memory: {} }
routes:
  - { name: one, order: { by: none }, from: { broker: a, queue: x }, to: { broker: b, topic: x } }
  - { name: two, order: { by: none }, from: { broker: b, queue: x }, to: { broker: a, queue: y } }
  - { name: three, order: { by: none }, from: { broker: a, topic: z }, to: { broker: a, topic: y } }
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Graph{
		Brokers: []Broker{
			{"a", config.KindMemory, []Place{{"queue", "x"}, {"queue", "y"}, {"topic", "z"}}},
			{"b", config.KindMemory, []Place{{"topic", "x"}}},
		},
		Routes: []Route{
			{Name: "one", Order: "by none", From: []Spot{{0, 0}}, To: Link{At: Spot{1, 0}}},
			{Name: "two", Order: "by none", From: []Spot{{1, 0}}, To: Link{At: Spot{0, 1}}},
			{Name: "three", Order: "by none", From: []Spot{{0, 2}}, To: Link{At: Spot{0, 1}}},
		},
	}
	if got := Of(f); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
}

// A queue, an exchange and a name that each message brings do not share a place.
func TestNamesOfTwoKindsAreTwoPlaces(t *testing.T) {
	f, err := config.Parse("test.yaml", []byte(`
brokers:
  shop: { amqp: { url: "amqp://user:hunter2@127.0.0.1/" } }
  lake: { kafka: { brokers: "127.0.0.1:9092" } }
defaults: { order: { by: none } }
routes:
  - { name: one, from: { broker: shop, queue: x }, to: { broker: shop, exchange: x, routing_key: all } }
  - { name: two, from: { broker: lake, topic: x }, to: { broker: shop, exchange: x, routing_key: source } }
  - { name: three, from: { broker: shop, queue: y }, to: { broker: lake, topic: header.x } }
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := Of(f)
	shop := []Place{{"queue", "x"}, {"exchange", "x"}, {"queue", "y"}}
	lake := []Place{{"topic", "x"}, {"topic from", "header.x"}}
	if !reflect.DeepEqual(g.Brokers[0].Places, shop) || !reflect.DeepEqual(g.Brokers[1].Places, lake) {
		t.Errorf("%+v", g.Brokers)
	}
	if one, two := g.Routes[0].To.Note, g.Routes[1].To.Note; one != "routing key all" || two != "routing key from source" {
		t.Errorf("%q, %q", one, two)
	}
	for name := range formats {
		if drawn := written(t, name, g); strings.Contains(drawn, "hunter2") {
			t.Errorf("a secret is in\n%s", drawn)
		}
	}
}

package config

import (
	"strings"
	"testing"
)

// W9: whatever the file says, a route that reads through the stock client holds
// nothing, and what its targets write is text.
func TestW9_StockSourcesHoldNothing(t *testing.T) {
	f := load(t, "testdata/good/stock-client.yaml")
	for _, r := range f.Routes {
		if r.Order.Gap.Hold != 0 || r.To.Headers != HeadersText {
			t.Errorf("route %s holds for %v and writes headers as %s", r.Name, r.Order.Gap.Hold, r.To.Headers)
		}
	}
	if h := f.Routes[1].DeadLetter.To.Headers; h != HeadersText {
		t.Errorf("dead letters have headers as %s", h)
	}
	if h := load(t, "testdata/good/defaults.yaml").Routes[0].Order.Gap.Hold; h == 0 {
		t.Error("a route that reads through the bridge's own client holds nothing")
	}
}

// What is given up stands at the setting that gives it up, and where nobody reads
// or writes nothing is said of it.
func TestGivenUp(t *testing.T) {
	f := load(t, "testdata/good/stock-client.yaml")
	golden(t, "testdata/given-up.txt", GivenUp(f).Error()+"\n")
	f.Routes = f.Routes[:1] // from RabbitMQ to Kafka
	got := GivenUp(f).Error()
	for _, word := range []string{"W2", "W3", "W7"} {
		if strings.Contains(got, word) {
			t.Errorf("%s is of a direction that no route takes:\n%s", word, got)
		}
	}
	if n := len(GivenUp(load(t, "testdata/good/defaults.yaml"))); n > 0 {
		t.Errorf("%d things are given up without a stock client", n)
	}
}

package client_test

import (
	"testing"
)

// TestWhatPeopleLookAt asks for each of the views once; hostile keys come back.
func TestWhatPeopleLookAt(t *testing.T) {
	c := bridge(t)
	if me, err := c.Me(t.Context()); err != nil || me.Role != "admin" || me.Payloads != "full" {
		t.Errorf("%+v, %v", me, err)
	}
	if r, err := c.Route(t.Context(), "orders"); err != nil || r.Name != "orders" {
		t.Errorf("%+v, %v", r, err)
	}
	if h, err := c.History(t.Context(), "orders", 2); err != nil || h.Step != 60 {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := c.History(t.Context(), "", 25); err == nil {
		t.Error("more than a day")
	}
	epoch := uint32(0)
	for _, key := range hostile {
		l, err := c.Line(t.Context(), "orders", key, nil)
		if err != nil || l.Raw() != key || len(l.Runs) != 2 || l.Runs[1].State != "dead" || l.Runs[1].Letter == "" {
			t.Errorf("%q: %+v, %v", key, l, err)
		}
		if again, err := c.Line(t.Context(), "orders", key, &epoch); err != nil || len(again.Runs) != len(l.Runs) {
			t.Errorf("%q: %+v, %v", key, again, err)
		}
	}
}

func TestTicksEndWithTheirListener(t *testing.T) {
	n := 0
	for tick, err := range bridge(t).Ticks(t.Context()) {
		if err != nil || len(tick.Routes) != 1 || tick.Routes[0].Name != "orders" {
			t.Fatalf("%+v, %v", tick, err)
		}
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d ticks", n)
	}
}

package admin

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// TestAlarmIsNoOutage: /readyz stays 200 and says it where it is asked for all.
func TestAlarmIsNoOutage(t *testing.T) {
	alarm := status.Alarm{Reason: "open_skips", Since: time.Unix(5, 0).UTC(), Says: "1 of them"}
	s, err := New(Config{Listen: "127.0.0.1:0", Store: filled(t), Routes: func(context.Context) []status.Route {
		return []status.Route{{Name: "orders", State: status.Running, Alarms: []status.Alarm{alarm}}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := ask(s, "GET", "/readyz?verbose", "")
	var got api.Ready
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if w.Code != 200 || !got.Ready || len(got.Routes) != 1 || len(got.Routes[0].Alarms) != 1 || got.Routes[0].Alarms[0] != alarm {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

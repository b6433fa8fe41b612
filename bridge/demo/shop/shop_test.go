package shop_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/demo/shop"
	"github.com/brokerbridge/bridge/bridge/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTheShopHasSomethingToMend, and once the ledger is mended, a redrive leaves
// none of its dead letters, and nothing unaccounted for.
func TestTheShopHasSomethingToMend(t *testing.T) {
	s, err := shop.Open(shop.Options{Listen: "127.0.0.1:0", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Bridge.Run(ctx) }()
	s.Send(5_000)
	await(t, s, "payments to be refused", func(r status.Route) bool { return r.Name != "payments" || r.Counts.Dead > 3 && r.Counts.Parked > 0 })
	await(t, s, "invoices to be too large", func(r status.Route) bool { return r.Name != "invoices" || r.Counts.DeadBy["too_large"] > 0 })
	await(t, s, "orders to lack a revision", func(r status.Route) bool { return r.Name != "orders" || r.Counts.Keys["gap"] > 0 })

	s.Mend()
	if _, err := s.Bridge.StartOperation(ctx, "payments", api.Request{Action: "redrive", Reason: "the ledger is mended", By: "a test"}); err != nil {
		t.Fatal(err)
	}
	await(t, s, "the payments to drain", func(r status.Route) bool {
		return r.Name != "payments" || r.Counts.Dead == 0 && r.Counts.Parked == 0
	})
	await(t, s, "everything to be accounted for", func(r status.Route) bool { return r.Counts.Unaccounted == 0 })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// await waits until something holds of every route.
func await(t *testing.T, s *shop.Shop, what string, holds func(status.Route) bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		all := true
		for _, r := range s.Bridge.Status(t.Context()) {
			all = all && holds(r)
		}
		if all {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s: %+v", what, s.Bridge.Status(t.Context()))
		}
	}
}

package shop

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/policies"
)

// What goes wrong how often: one in so many.
const (
	strange = 150   // payments in a currency that the ledger does not know
	late    = 200   // orders whose event comes after its successors
	lost    = 2_500 // orders whose event never comes
	huge    = 300   // invoices that are too large
	unnamed = 400   // invoices without a revision
)

const (
	customers = 40
	lateBy    = 4 * time.Second
	// The carrier sleeps for the end of each such while.
	carrierDay, carrierSleep = 3 * time.Minute, 25 * time.Second
)

// sent is a message for a queue.
type sent struct {
	queue   string
	message *message.Message
}

// traffic makes the messages of the shop. It is used by one goroutine, but for
// what the carrier is asked.
type traffic struct {
	rng   *rand.Rand
	last  map[string]int // the last revision of a key
	late  []delayed
	began atomic.Int64 // when the first message was made, in nanoseconds of Unix
}

type delayed struct {
	sent
	until time.Time
}

func newTraffic(seed uint64) *traffic {
	return &traffic{rng: rand.New(rand.NewPCG(seed, 8)), last: map[string]int{}}
}

// next makes the next message, and those whose time has come.
func (t *traffic) next(now time.Time) (out []sent) {
	t.began.CompareAndSwap(0, now.UnixNano())
	for len(t.late) > 0 && now.After(t.late[0].until) {
		out, t.late = append(out, t.late[0].sent), t.late[1:]
	}
	customer := t.rng.IntN(customers) + 1
	switch n := t.rng.IntN(10); {
	case n < 5:
		return append(out, t.order(customer, now)...)
	case n < 7:
		return append(out, t.payment(customer))
	case n < 8:
		return append(out, t.invoice(customer))
	}
	return append(out, t.parcel(customer))
}

// event is the next revision of a key.
func (t *traffic) event(queue, key, body string) sent {
	name := queue + "/" + key
	t.last[name]++
	rev := strconv.Itoa(t.last[name])
	return sent{queue, &message.Message{
		UUID: strings.TrimSuffix(queue, "s") + "-" + key + "-" + rev, Payload: []byte(body),
		Metadata: message.Metadata{"key": key, "revision": rev, "correlation_id": fmt.Sprintf("basket-%06x", t.rng.IntN(1<<24))},
	}}
}

func (t *traffic) order(customer int, now time.Time) []sent {
	e := t.event("orders", fmt.Sprintf("order-%03d", customer),
		fmt.Sprintf(`{"customer":%d,"status":%q,"lines":[{"article":"A-%04d","pieces":%d}]}`, customer,
			[]string{"placed", "changed", "packed"}[t.rng.IntN(3)], t.rng.IntN(10_000), 1+t.rng.IntN(5)))
	switch {
	case t.rng.IntN(lost) == 0:
		return nil
	case t.rng.IntN(late) == 0:
		t.late = append(t.late, delayed{e, now.Add(lateBy)})
		return nil
	}
	return []sent{e}
}

func (t *traffic) payment(customer int) sent {
	currency := []string{"EUR", "USD", "CHF"}[t.rng.IntN(3)]
	if t.rng.IntN(strange) == 0 {
		currency = "XTS"
	}
	return t.event("payments", fmt.Sprintf("customer-%03d", customer),
		fmt.Sprintf(`{"amount":"%d.%02d","currency":%q,"card":{"holder":"Customer %d","number":"4111 1111 1111 %04d"}}`,
			1+t.rng.IntN(900), t.rng.IntN(100), currency, customer, t.rng.IntN(10_000)))
}

func (t *traffic) invoice(customer int) sent {
	e := t.event("invoices", fmt.Sprintf("customer-%03d", customer), fmt.Sprintf(`{"customer":%d,"pages":%d}`, customer, 1+t.rng.IntN(9)))
	switch {
	case t.rng.IntN(huge) == 0:
		e.message.Payload = fmt.Appendf(nil, `{"customer":%d,"pdf":"%s"}`, customer, strings.Repeat("JVBERi0x", 150_000))
	case t.rng.IntN(unnamed) == 0:
		delete(e.message.Metadata, "revision")
		t.last["invoices/"+e.message.Metadata["key"]]--
		e.message.UUID = fmt.Sprintf("invoice-by-hand-%06x", t.rng.IntN(1<<24))
	}
	return e
}

func (t *traffic) parcel(customer int) sent {
	return t.event("parcels", fmt.Sprintf("parcel-%03d", customer),
		fmt.Sprintf(`{"customer":%d,"grams":%d,"at":%q}`, customer, 100+t.rng.IntN(20_000), []string{"shop", "hub", "door"}[t.rng.IntN(3)]))
}

var (
	errCurrency = errors.New("the ledger refuses the entry: unknown currency XTS")
	errAsleep   = errors.New("carrier: 503 service unavailable")
)

// refusesCurrency is a ledger that does not know a currency.
func refusesCurrency(m *message.Message) error {
	if bytes.Contains(m.Payload, []byte(`"XTS"`)) {
		return policies.Because(policies.Permanent, "rejected", errCurrency)
	}
	return nil
}

// carrierSleeps is a carrier that is away now and then.
func (t *traffic) carrierSleeps(*message.Message) error {
	open := time.Duration(time.Now().UnixNano()-t.began.Load()) % carrierDay
	if open > carrierDay-carrierSleep {
		return policies.As(policies.Unavailable, errAsleep)
	}
	return nil
}

package main

import (
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/examples/internal/service"
	"github.com/brokerbridge/bridge/examples/internal/table"
	"github.com/brokerbridge/bridge/policies"
)

// step is one thing that has to happen for an order.
type step struct {
	at     string        // who does it
	do     string        // the command
	undo   string        // the command that takes it back; none: it cannot be taken back
	within time.Duration // until when an answer is expected, unless the order says otherwise
}

// steps in the order in which they are done. Their order is the design: what may
// be refused and can be taken back comes first; then the pivot, the one step that
// may still be refused and cannot be taken back; behind it only what cannot be
// refused, because from there the order goes forward whatever happens.
var steps = []step{
	{at: "payment", do: "charge", undo: "refund", within: 10 * time.Minute},
	{at: "stock", do: "reserve", undo: "release", within: 10 * time.Minute},
	{at: "shipping", do: "hand over", within: 10 * time.Minute}, // to the carrier
	{at: "payment", do: "send receipt", within: 10 * time.Minute},
}

// pivot is the place in steps of what cannot be taken back.
const pivot = 2

// State of a saga: what it waits for, or how it ended.
type State string

// The states.
const (
	Running    State = "running"    // a step is awaited
	Cancelling State = "cancelling" // the undoing of a step is awaited
	Done       State = "done"
	Cancelled  State = "cancelled"
)

// saga is one order on its way: a row of the orchestrator's table, so that it
// outlives the process. Its methods decide what comes next and do nothing else.
type saga struct {
	Order    Order
	State    State
	Step     int       // the one that is awaited or undone
	Awaits   string    // the id of the command that is not answered yet
	Deadline time.Time // of the answer; zero: none
	Why      string    // it was cancelled
}

// answered goes on behind an answer. The error is that of an answer that must not be.
func (s *saga) answered(a answer) error {
	switch {
	case s.State == Running && a.Refused == "":
		s.forward()
	case s.State == Running && s.Step <= pivot: // refused: it was not done, so it needs no undoing
		s.cancel(s.Step-1, a.Refused)
	case s.State == Cancelling && a.Refused == "":
		s.back()
	default:
		return fmt.Errorf("%s of step %d of %s cannot be refused: %s", s.State, s.Step, s.Order.ID, a.Refused)
	}
	return nil
}

// late ends the wait for an answer. Before the pivot the step counts as failed;
// since it may have been done all the same, it is undone too. At the pivot and
// behind it, and while undoing, there is no other way than to wait on; a person is
// told.
func (s *saga) late() (alarm bool) {
	s.Deadline = time.Time{}
	if s.State != Running || s.Step >= pivot {
		return true
	}
	s.cancel(s.Step, steps[s.Step].at+" does not answer")
	return false
}

func (s *saga) forward() {
	s.Step++
	if s.Step == len(steps) {
		s.State = Done
	}
}

func (s *saga) cancel(last int, why string) {
	s.State, s.Step, s.Why = Cancelling, last+1, why
	s.back()
}

func (s *saga) back() {
	s.Step--
	if s.Step < 0 {
		s.State = Cancelled
	}
}

func (s *saga) over() bool { return s.State == Done || s.State == Cancelled }

// command is what to tell whom now.
func (s *saga) command() (at, kind string, within time.Duration) {
	st := steps[s.Step]
	if s.State == Cancelling {
		return st.at, st.undo, st.within
	}
	if w, ok := s.Order.Within[st.at]; ok {
		st.within = w
	}
	return st.at, st.do, st.within
}

// orchestrate is the handler of the orchestrator: it takes new orders, and the
// answers to its commands.
func orchestrate(tx *service.Tx, m service.Message) error {
	if m.Kind == "place" {
		s := saga{State: Running}
		if err := m.Read(&s.Order); err != nil {
			return policies.As(policies.Permanent, err)
		}
		tx.Say(m.Order, "placed: %s for %d EUR", s.Order.Item, s.Order.Amount)
		return proceed(tx, &s)
	}
	var a answer
	if err := m.Read(&a); err != nil {
		return policies.As(policies.Permanent, err)
	}
	s, _ := sagaOf(tx.Tx, m.Order)
	if a.To != s.Awaits {
		tx.Say(m.Order, "has given up already what %s answers now", m.From)
		return nil
	}
	if err := s.answered(a); err != nil {
		return policies.As(policies.Permanent, err)
	}
	return proceed(tx, &s)
}

// expire is the orchestrator's look at the clock. Deadlines are stored, so those
// that passed while the process was down are seen now.
func expire(tx *service.Tx, now time.Time) error {
	for _, s := range sagas(tx.Tx) {
		if s.Deadline.IsZero() || now.Before(s.Deadline) {
			continue
		}
		if s.late() {
			tx.Alarm("order %s still waits for the answer to %s", s.Order.ID, s.Awaits)
			tx.Put("saga/"+s.Order.ID, s)
			continue
		}
		if err := proceed(tx, &s); err != nil {
			return err
		}
	}
	return nil
}

// proceed sends the next command, if there is one, and stores the saga. Both are
// one update.
func proceed(tx *service.Tx, s *saga) (err error) {
	s.Awaits, s.Deadline = "", time.Time{}
	if s.over() {
		tx.Say(s.Order.ID, "%s%s", s.State, s.because())
	} else {
		at, kind, within := s.command()
		s.Deadline = time.Now().Add(within)
		if s.Awaits, err = tx.Send(at, s.Order.ID, kind, s.Order); err != nil {
			return err
		}
		tx.Say(s.Order.ID, "tells %s to %s%s", at, kind, s.because())
	}
	tx.Put("saga/"+s.Order.ID, s)
	return nil
}

func (s *saga) because() string {
	if s.Why == "" {
		return ""
	}
	return ": " + s.Why
}

func sagaOf(tx *table.Tx, order string) (s saga, known bool) {
	known = tx.Get("saga/"+order, &s)
	return s, known
}

func sagas(tx *table.Tx) (all []saga) {
	for _, key := range tx.Keys("saga/") {
		var s saga
		tx.Get(key, &s)
		all = append(all, s)
	}
	return all
}

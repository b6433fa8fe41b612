package amqp

import (
	"errors"
	"time"
)

// errLate says that nothing has become known of what a caller waits for, for as
// long as it waits.
var errLate = errors.New("no answer from RabbitMQ")

// patience is how long a caller still waits: it begins anew with each outcome.
// One goroutine.
type patience struct {
	limit  time.Duration
	timer  *time.Timer
	waited bool
	closed <-chan struct{} // the target's end
	err    error           // why nothing is waited for any more
}

func (t *Target) patience() *patience {
	return &patience{limit: t.timeout, timer: time.NewTimer(t.timeout), closed: t.ctx.Done()}
}

// await returns when c is closed, or with an error: errLate or errClosed, and
// from then on at once.
func (w *patience) await(c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	default:
	}
	if w.err != nil {
		return w.err
	}
	w.waited = true
	select {
	case <-c:
		return nil
	case <-w.closed:
		w.err = errClosed
	case <-w.timer.C:
		select {
		case <-c:
			w.timer.Reset(w.limit)
			return nil
		default:
		}
		w.err = errLate
	}
	return w.err
}

// learned notes that an outcome has become known.
func (w *patience) learned() {
	if w.waited && w.err == nil {
		w.timer.Reset(w.limit)
		w.waited = false
	}
}

package admin

import (
	"context"
	"runtime"
	"time"

	"golang.org/x/time/rate"
)

const (
	answerShare = 4                      // of the processors' time one part in so many goes to answers …
	answerSaved = 4 * time.Second        // … after so much of it, which nobody has used, is gone
	mostCharged = 250 * time.Millisecond // for one answer: it may have waited for something else
)

// budget is how much work answers may be, so that callers who never rest leave the
// processors to the routes. Nil: it has no limit.
type budget struct{ left *rate.Limiter } // in milliseconds

func newBudget() *budget {
	a := time.Duration(runtime.GOMAXPROCS(0)) * time.Second / answerShare
	return &budget{rate.NewLimiter(rate.Limit(a.Milliseconds()), int(answerSaved.Milliseconds()))}
}

// wait returns when there is something left, or an error if there will not be in time.
func (b *budget) wait(ctx context.Context) error {
	if b == nil {
		return nil
	}
	return b.left.WaitN(ctx, 0)
}

// charge takes what an answer has cost, also what is not there yet.
func (b *budget) charge(took time.Duration) {
	if b != nil {
		b.left.ReserveN(time.Now(), int(min(took, mostCharged).Milliseconds()))
	}
}

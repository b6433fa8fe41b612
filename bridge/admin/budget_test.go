package admin

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever asks without rest waits once they have used what was saved, and gets a
// quarter of the time; who asks now and then never waits.
func TestI7_AnswersHaveTheirShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		perSecond := time.Duration(float64(b.left.Limit())) * time.Millisecond
		began, worked := time.Now(), time.Duration(0)
		for time.Since(began) < time.Minute {
			if err := b.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.charge(100 * time.Millisecond) // several work at a time: it takes none
			worked += 100 * time.Millisecond
		}
		if most := 60*perSecond + answerSaved + time.Second; worked > most || worked < 60*perSecond {
			t.Errorf("%v in a minute, want about %v", worked, 60*perSecond)
		}
		time.Sleep(time.Minute)
		began = time.Now()
		for range 10 {
			if err := b.wait(t.Context()); err != nil || time.Since(began) > 0 {
				t.Errorf("who comes later waits: %v", err)
			}
			b.charge(time.Hour) // it hung: that is not work
		}
	})
}

// Who cannot be answered in time is told so at once.
func TestAnswersThatComeTooLateAreRefused(t *testing.T) {
	b := newBudget()
	for range 200 {
		b.charge(mostCharged)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if b.wait(ctx) == nil {
		t.Error("it may go on")
	}
}

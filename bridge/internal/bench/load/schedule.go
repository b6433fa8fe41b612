package load

import (
	"context"
	"time"
)

// Schedule says when each of the messages is due: the first at Start, Rate in each
// second; all at once if Rate is 0.
type Schedule struct {
	Start time.Time
	Rate  float64
}

// Due is when the i-th message is to be sent.
func (s Schedule) Due(i int) time.Time {
	if s.Rate == 0 {
		return s.Start
	}
	return s.Start.Add(time.Duration(float64(i) / s.Rate * float64(time.Second)))
}

// Run calls send for n messages when they are due, or at once where it is late.
func (s Schedule) Run(ctx context.Context, n int, send func(i int, due time.Time) error) error {
	for i := range n {
		due := s.Due(i)
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := send(i, due); err != nil {
			return err
		}
	}
	return nil
}

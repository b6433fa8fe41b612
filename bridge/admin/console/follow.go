package console

import (
	"context"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// How long a page waits for what becomes of a message that is sent again: most are
// through, or back, at once.
const (
	followFor   = 2 * time.Second
	followEvery = 50 * time.Millisecond
)

// cameBack says that a message was sent again, and is a dead letter again.
type cameBack string

func (c cameBack) Error() string { return string(c) }

// followed is a verb that sends one dead letter again, and says what became of it.
func followed(v verb) verb {
	do := v.do
	v.do = func(ctx context.Context, c *Console, o order) (says, next string, err error) {
		was, err := c.cfg.API.DeadLetter(ctx, o.Route, o.About.Get("id"))
		if err != nil {
			return "", "", err
		}
		if says, next, err = do(ctx, c, o); err != nil {
			return says, next, err
		}
		says, err = c.became(ctx, was)
		return says, next, err
	}
	return v
}

// became follows a dead letter that is sent again until it is through or back, or
// for long enough.
func (c *Console) became(ctx context.Context, was api.DeadLetterDetail) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, followFor)
	defer cancel()
	look := time.NewTicker(followEvery)
	defer look.Stop()
	for {
		switch d, err := c.cfg.API.DeadLetter(ctx, was.Route, was.ID); {
		case isGone(err):
			return "It went through" + follows(was, ", and what was parked behind it follows") + ".", nil
		case err == nil && d.At.After(was.At):
			return "", cameBack("It was sent again, failed again, and is a dead letter as before. Nothing is lost" + follows(was, ": what waits behind it stays parked") + ".")
		}
		select {
		case <-ctx.Done():
			return "It is sent again. Once it is through, it is no dead letter any more" + follows(was, ", and what was parked behind it follows") + ".", nil
		case <-look.C:
		}
	}
}

// follows is what is said of those behind a dead letter, if its key waits for it.
func follows(d api.DeadLetterDetail, says string) string {
	if d.InOrder {
		return says
	}
	return ""
}

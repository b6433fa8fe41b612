package console

import (
	"context"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// letterVerbs are what one can do with dead letters: with one by its id, or with
// many.
var letterVerbs = map[string]verb{
	"redrive": oneOrMany(
		followed(ofLetter("redrive", "Redrive", (*Console).redrive, outOfOrderField)),
		manyVerb("Redrive dead letters", "Redrive", false, redriveFields)),
	"discard": oneOrMany(
		warning(dangerous(ofLetter("discard", "Discard", (*Console).discard)), discardWarning),
		manyVerb("Discard dead letters for good", "Discard", true, []field{rateField})),
	"archive": oneOrMany(
		ofLetter("archive", "Archive", (*Console).archiveOne),
		manyVerb("Archive dead letters", "Archive", false, []field{rateField})),
	"restore": restoring(),
}

// oneOrMany is a verb for one, or for many, by what an order is about.
func oneOrMany(one, all verb) verb {
	return verb{of: func(o order) (verb, error) {
		if !isMany(o) {
			return one, nil
		}
		_, err := manyOf(o)
		return all, err
	}}
}

// warning is a verb whose plan says what else should be known.
func warning(v verb, says string) verb {
	of := v.plan
	v.plan = func(ctx context.Context, c *Console, o order) (plan, error) {
		p, err := of(ctx, c, o)
		p.Warns = append(p.Warns, says)
		return p, err
	}
	return v
}

func dangerous(v verb) verb {
	v.danger = true
	return v
}

// ofLetter is a change of one dead letter.
func ofLetter(do, button string, change func(*Console, context.Context, order, api.Change) (api.Outcome, error), fields ...field) verb {
	v := single(button+" a dead letter", button, func(o order) []string {
		words := []string{"dlq", do, "--route", o.Route}
		if o.Form.Get(outOfOrderField.Name) == "true" && len(fields) > 0 {
			words = append(words, "--out-of-order")
		}
		return append(words, behindDashes(o.About["id"])...)
	}, func(ctx context.Context, c *Console, o order, ch api.Change) (api.Outcome, error) {
		return change(c, ctx, o, ch)
	})
	v.fields = fields
	return leadingTo(v, func(o order) string { return letterPath(o.Route, o.About.Get("id")) })
}

// leadingTo is a verb that leads to a page of its own.
func leadingTo(v verb, page func(order) string) verb {
	do := v.do
	v.do = func(ctx context.Context, c *Console, o order) (says, next string, err error) {
		says, _, err = do(ctx, c, o)
		return says, page(o), err
	}
	return v
}

func (c *Console) redrive(ctx context.Context, o order, ch api.Change) (api.Outcome, error) {
	return c.cfg.API.Redrive(ctx, o.Route, o.About.Get("id"), ch)
}

func (c *Console) discard(ctx context.Context, o order, ch api.Change) (api.Outcome, error) {
	return c.cfg.API.Discard(ctx, o.Route, o.About.Get("id"), ch)
}

func (c *Console) archiveOne(ctx context.Context, o order, ch api.Change) (api.Outcome, error) {
	return c.cfg.API.Archive(ctx, o.Route, o.About.Get("id"), ch)
}

// restoring makes what is in the archive a dead letter again.
func restoring() verb {
	v := single("Restore from the archive", "Restore", func(o order) []string {
		return append([]string{"archive", "restore", "--route", o.Route}, behindDashes(o.About["id"])...)
	}, func(ctx context.Context, c *Console, o order, ch api.Change) (api.Outcome, error) {
		return c.cfg.API.Restore(ctx, o.Route, o.About.Get("id"), ch)
	})
	return leadingTo(v, func(o order) string { return letterPath(o.Route, o.About.Get("id")) })
}

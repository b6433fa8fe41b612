package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

const redriveLong = `Sends dead letters through again, one after the other. One that blocks its key is
sent at its place in the order, and what waits behind it follows; its attempts
count anew, and if it fails for good again it is the same dead letter.

What later revisions of its key have passed already is refused, because
consumers would see it behind them; --out-of-order sends it all the same.`

func newDLQRedrive() *cobra.Command {
	var f changing
	var key string
	var outOfOrder bool
	cmd := &cobra.Command{
		Use: "redrive ID... | --key KEY", Short: "Send dead letters through again", Long: redriveLong,
		Example: "  bridge dlq redrive 7c0e0d1e-… --reason 'the schema is fixed'\n" +
			"  bridge dlq redrive --key 4711 --reason 'the topic takes 2 MiB now' --dry-run",
		Args: func(_ *cobra.Command, args []string) error {
			if (len(args) > 0) == (key != "") {
				return errors.New("want the IDs of dead letters, or --key KEY")
			}
			return nil
		},
		RunE: does(func(cmd *cobra.Command, ids []string) error {
			c, ch, err := f.begin(cmd)
			if err != nil {
				return err
			}
			ch.OutOfOrder = outOfOrder
			if key != "" {
				return f.redriveKey(cmd, c, key, ch)
			}
			return f.letters(cmd, c, ids, ch, c.Redrive)
		}),
	}
	f.addRoute(cmd)
	cmd.Flags().StringVarP(&key, "key", "k", "", "the dead letters that stand in the order of this key, lowest revision first")
	cmd.Flags().BoolVar(&outOfOrder, "out-of-order", false, "also what later revisions of its key have passed")
	return cmd
}

func newDLQDiscard() *cobra.Command {
	var f changing
	cmd := &cobra.Command{
		Use: "discard ID...", Short: "Give dead letters up for good, and let their keys go on",
		Long: "Removes dead letters from the store. What waits behind one goes on without it;\n" +
			"that a revision is missing stays in the books, and who decided it in the audit.",
		Example: "  bridge dlq discard 7c0e0d1e-… --reason 'a test order'",
		Args:    some("ID"),
		RunE: does(func(cmd *cobra.Command, ids []string) error {
			c, ch, err := f.begin(cmd)
			if err != nil {
				return err
			}
			return f.letters(cmd, c, ids, ch, c.Discard)
		}),
	}
	f.addRoute(cmd)
	return cmd
}

// letters does something to dead letters, one after the other.
func (f *changing) letters(cmd *cobra.Command, c *client.Client, ids []string, ch api.Change,
	do func(ctx context.Context, route, id string, ch api.Change) (api.Outcome, error),
) error {
	ctx := cmd.Context()
	return each(cmd, f.output.value, ids, func(id string) (api.Outcome, error) {
		route, err := f.theRoute(ctx, c, func(route string) error {
			_, err := c.DeadLetter(ctx, route, id)
			return err
		})
		if err != nil {
			return api.Outcome{}, err
		}
		return do(ctx, route, id, ch)
	})
}

// redriveKey sends what stands in the order of a key through again, lowest
// revision first. The first one that is refused ends it: what follows it would
// be out of order.
func (f *changing) redriveKey(cmd *cobra.Command, c *client.Client, key string, ch api.Change) error {
	ctx := cmd.Context()
	route, err := f.routeOfKey(ctx, c, key)
	if err != nil {
		return err
	}
	ids, err := inOrder(ctx, c, route, key)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return &exitError{
			failed, fmt.Errorf("no dead letter stands in the order of this key on route %s", route),
			"bridge dlq ls --key KEY lists those that stand beside it, bridge explain KEY says what it waits for",
		}
	}
	var first error
	err = each(cmd, f.output.value, ids, func(id string) (api.Outcome, error) {
		if first != nil {
			return api.Outcome{}, first
		}
		o, err := c.Redrive(ctx, route, id, ch)
		if err != nil {
			first = &exitError{Code: failed} // said once, for this one
		}
		return o, err
	})
	return err
}

// inOrder are the dead letters that stand in the order of a key.
func inOrder(ctx context.Context, c *client.Client, route, key string) (ids []string, err error) {
	var all []api.DeadLetter
	for d, err := range c.DeadLetters(ctx, route, client.List{Key: key}) {
		if err != nil {
			return nil, err
		}
		if d.InOrder && d.Revision != nil {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b api.DeadLetter) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(*a.Revision, *b.Revision))
	})
	for _, d := range all {
		ids = append(ids, d.ID)
	}
	return ids, nil
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

const redriveLong = `Sends dead letters through again. One that blocks its key is sent at its place in
the order, and what waits behind it follows; its attempts count anew, and if it
fails for good again it is the same dead letter. IDs are sent one after the other.
With --key alone those that stand in the order of the key are, lowest revision
first.

What later revisions of its key have passed already is refused, because
consumers would see it behind them; --out-of-order sends it all the same.
`

func newDLQRedrive() *cobra.Command {
	m := many{action: "redrive"}
	cmd := &cobra.Command{
		Use: "redrive ID... | SELECTION", Short: "Send dead letters through again", Long: redriveLong + manyLong,
		Example: "  bridge dlq redrive 7c0e0d1e-… --reason 'the schema is fixed'\n" +
			"  bridge dlq redrive --key 4711 --reason 'the topic takes 2 MiB now' --dry-run\n" +
			"  bridge dlq redrive --group 4b1d… --canary 10 --rate 100 --reason 'the schema is fixed'\n" +
			"  bridge dlq redrive --of-reason max_attempts --since 3h --reason 'the database is back'",
		Args: m.args,
		RunE: does(func(cmd *cobra.Command, ids []string) error {
			c, ch, err := m.begin(cmd)
			if err != nil {
				return err
			}
			ch.OutOfOrder = m.outOfOrder
			if m.onlyKey() && !m.isOne() {
				return m.redriveKey(cmd, c, ch)
			}
			return m.do(cmd, c, ids, ch, c.Redrive)
		}),
	}
	m.add(cmd)
	return cmd
}

func newDLQDiscard() *cobra.Command {
	m := many{action: "discard"}
	cmd := &cobra.Command{
		Use: "discard ID... | SELECTION", Short: "Give dead letters up for good, and let their keys go on",
		Long: "Removes dead letters from the store. What waits behind one goes on without it;\n" +
			"that a revision is missing stays in the books, and who decided it in the audit.\n" +
			"bridge dlq archive keeps them.\n" + manyLong,
		Example: "  bridge dlq discard 7c0e0d1e-… --reason 'a test order'\n" +
			"  bridge dlq discard --of-reason key_missing --until 30d --reason 'nobody has asked for them' --dry-run",
		Args: m.args,
		RunE: does(func(cmd *cobra.Command, ids []string) error {
			c, ch, err := m.begin(cmd)
			if err != nil {
				return err
			}
			return m.do(cmd, c, ids, ch, c.Discard)
		}),
	}
	m.add(cmd)
	return cmd
}

func newDLQArchive() *cobra.Command {
	m := many{action: "archive"}
	cmd := &cobra.Command{
		Use: "archive ID... | SELECTION", Short: "Put dead letters away, and let their keys go on",
		Long: "Moves dead letters to the archive of the store, with all that is known of them.\n" +
			"What waits behind one goes on without it. bridge archive lists them, shows them and\n" +
			"makes them dead letters again.\n" + manyLong,
		Example: "  bridge dlq archive 7c0e0d1e-… --reason 'applied by hand, ticket 812'\n" +
			"  bridge dlq archive --group 4b1d… --reason 'of the old shop'",
		Args: m.args,
		RunE: does(func(cmd *cobra.Command, ids []string) error {
			c, ch, err := m.begin(cmd)
			if err != nil {
				return err
			}
			return m.do(cmd, c, ids, ch, c.Archive)
		}),
	}
	m.add(cmd)
	return cmd
}

// do settles a few dead letters at once, and more by an operation.
func (m *many) do(cmd *cobra.Command, c *client.Client, ids []string, ch api.Change,
	one func(ctx context.Context, route, id string, ch api.Change) (api.Outcome, error),
) error {
	if m.given() || len(ids) > fewIDs || m.isOne() {
		return m.operate(cmd, c, ids, ch)
	}
	return m.letters(cmd, c, ids, ch, one)
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
func (m *many) redriveKey(cmd *cobra.Command, c *client.Client, ch api.Change) error {
	ctx := cmd.Context()
	route, err := m.routeOfKey(ctx, c, m.key)
	if err != nil {
		return err
	}
	ids, err := inOrder(ctx, c, route, m.key)
	if err != nil {
		return err
	}
	if len(ids) > fewIDs {
		m.route = route
		return m.operate(cmd, c, ids, ch)
	}
	if len(ids) == 0 {
		return &exitError{
			failed, fmt.Errorf("no dead letter stands in the order of this key on route %s", route),
			"bridge dlq ls --key KEY lists those that stand beside it, bridge explain KEY says what it waits for",
		}
	}
	var first error
	err = each(cmd, m.output.value, ids, func(id string) (api.Outcome, error) {
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

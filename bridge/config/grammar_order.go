package config

import (
	"math"
	"time"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

func orderForm() strict.Form[Order] {
	return strict.Object[Order]{
		Meant: map[string]string{"version": "revision", "sequence": "revision", "mode": "by", "type": "by", "dedup": "same"},
		Fields: []strict.Field[Order]{
			strict.Opt("by", func(o *Order) *By { return &o.By }, strict.Enum(ByRevision, ByArrival, ByNone),
				"revision: per key, by a gapless number in the message. arrival: as the source delivered. none."),
			strict.Opt("key", func(o *Order) *[]Field { return &o.Key }, fieldsForm(),
				"What a message is about: header.X, property.X, message_key, routing_key, json.path, or a list, joined."),
			strict.Opt("revision", func(o *Order) *Field { return &o.Revision }, fieldForm(),
				"Where the gapless number is. Required with by: revision."),
			strict.Opt("first", func(o *Order) *Order { return o }, firstForm(),
				"The revision a new key begins with, or adopt for keys that are mid-stream. Required with by: revision."),
			strict.Opt("adopt_after", func(o *Order) *time.Duration { return &o.AdoptAfter }, strict.Duration(0),
				"How long adopt looks for the lowest revision."),
			strict.Opt("gap", func(o *Order) *Gap { return &o.Gap }, gapForm(), "What is done about a missing revision."),
			strict.Opt("same", func(o *Order) *Field { return &o.Same }, sameForm(),
				"What makes two messages of one revision, or of one id, the same: body, revision (always the same), header.X or json.path."),
			strict.Opt("duplicates", func(o *Order) *Duplicates { return &o.Duplicates }, duplicatesForm(),
				"by: arrival or none: how messages that come again are recognised, or off."),
			strict.Opt("epoch", func(o *Order) *Field { return &o.Epoch }, offOr(fieldForm(), "off or "),
				"A field that changes when the numbering of a key starts over."),
			strict.Opt("max_jump", func(o *Order) *int64 { return &o.MaxJump }, strict.Int[int64](1, math.MaxInt64),
				"How far a revision may lie above the highest known before it is taken for corrupt."),
			strict.Opt("max_ahead", func(o *Order) *int { return &o.MaxAhead }, strict.Int(1, 1024),
				"How many revisions of a key may be published ahead of their checkpoint, and so doubled by a crash."),
			strict.Opt("forget_after", func(o *Order) *time.Duration { return &o.ForgetAfter },
				offOr(strict.Duration(time.Second), "off or "), "Drop the state of keys idle for so long. Default: off."),
		},
	}
}

// firstForm writes two fields of an order: a number, or the word adopt.
func firstForm() strict.Form[Order] {
	number := strict.Int[int64](0, math.MaxInt64)
	number.Want = "a whole number from 0, or adopt"
	number.Show = nil
	return strict.Or[Order]{
		Form:   strict.Via[Order, int64]{Get: func(o *Order) *int64 { return &o.First }, Form: number},
		Before: func(o *Order) { o.Adopt = false },
		Words: []strict.Word[Order]{{Text: "adopt", Set: func(o *Order) {
			o.First, o.Adopt = 0, true
		}}},
	}
}

func duplicatesForm() strict.Form[Duplicates] {
	return strict.Or[Duplicates]{
		Form: strict.Object[Duplicates]{
			Meant: map[string]string{"key": "id", "by": "id", "for": "window", "ttl": "window"},
			Fields: []strict.Field[Duplicates]{
				strict.Opt("id", func(d *Duplicates) *Field { return &d.ID }, fieldForm(),
					"What is the same when a message comes again: header.X, property.X, json.path. Default: the message's id."),
				strict.Opt("window", func(d *Duplicates) *time.Duration { return &d.Window }, strict.Duration(time.Second),
					"For how long at least messages are recognised."),
			},
		},
		Before: func(d *Duplicates) { d.Off = false },
		Words:  []strict.Word[Duplicates]{{Text: "off", Set: func(d *Duplicates) { d.Off = true }}},
		Want:   "off or a mapping ({ window: … })",
	}
}

func gapForm() strict.Form[Gap] {
	return strict.Object[Gap]{
		Meant: map[string]string{"wait": "timeout", "action": "then", "on_timeout": "then"},
		Fields: []strict.Field[Gap]{
			strict.Opt("hold", func(g *Gap) *time.Duration { return &g.Hold }, strict.Duration(0),
				"How long successors are kept in memory before they are parked: most gaps are two messages swapped."),
			strict.Opt("timeout", func(g *Gap) *time.Duration { return &g.Timeout }, strict.Duration(time.Millisecond),
				"When then is applied."),
			strict.Opt("then", func(g *Gap) *Then { return &g.Then }, strict.Enum(Wait, Skip, Quarantine),
				"wait for ever, skip the missing revision (durably recorded), or quarantine the key until an operator decides."),
		},
	}
}

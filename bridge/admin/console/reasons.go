package console

// meaning is a reason or a class in words, and what one can do.
type meaning struct{ Means, Do string }

// reasons are why a message is given up. docs/operations.md has them, too.
var reasons = map[string]meaning{
	"max_attempts":         {"It failed as often as the route tries, while the target was there.", "The error says why. Mend that, then redrive it."},
	"permanent":            {"The target calls the message invalid, and would do so again.", "The error says why. Mend that or the message, then redrive it."},
	"too_large":            {"It is larger than the target takes.", "Raise the target’s limit, then redrive it; or have a smaller message sent."},
	"unroutable":           {"It leads nowhere: it names a routing key without a queue, a topic that is not there, or nothing where the route looks for a name.", "Bind a queue or create the topic, then redrive it; or have the producer repaired."},
	"panic":                {"What handles the message panicked.", "The error has the stack. Report it if it is ours."},
	"key_missing":          {"It has no key where the route looks for one.", "Have the producer repaired and the message sent again."},
	"key_invalid":          {"Its key cannot be used: it is longer than 4 KiB.", "Have the producer repaired and the message sent again."},
	"revision_missing":     {"It has no revision where the route looks for one.", "Have the producer repaired and the message sent again, with a revision."},
	"revision_invalid":     {"Its revision is no whole number, or below the first.", "Have the producer repaired and the message sent again."},
	"revision_implausible": {"Its revision is further ahead than the route believes (max_jump).", "Have the producer repaired; if the number is right, raise max_jump and have it sent again."},
	"revision_conflict":    {"The same revision came with other content. The first one stands.", "Find the producer that numbers twice."},
	"revision_regressed":   {"The first revisions came again with other content: the record was created anew.", "Let the producer number epochs, and the route read them (order.epoch)."},
	"late":                 {"It came after the key had gone on without its revision.", "Apply it by hand if it matters."},
	"undecodable":          {"Its body or headers cannot be read, and the route needs something from them.", "Have the producer repaired and the message sent again."},
	"loop":                 {"It has passed 16 bridges: they send in a circle.", "Find the circle."},
	"foreign":              {"Others gave it up, and the route reads their dead-letter queue. The error is theirs.", "Mend what it names, then redrive it."},
	"gap_timeout":          {"This is no message. A revision did not come in time, and its key waits for it.", "Have the revision sent, or let the key go on without it."},
	"expired":              {"Its time to live was over before the target had it.", "Redrive it if it still matters."},
	"unknown_outcome":      {"Whether the target has it is not known.", "Look at the target, then redrive or discard it."},
	"operator":             {"Somebody gave it up.", "The audit says who, and why."},
}

// classes are kinds of failures.
var classes = map[string]string{
	"transient":   "it may work the next time",
	"unavailable": "the target was away, or refused everybody",
	"permanent":   "the same message fails again, until something else changes",
	"interrupted": "the bridge was being stopped",
}

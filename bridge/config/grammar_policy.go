package config

import (
	"regexp"
	"strconv"
	"time"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

// reasons of dead letters that spend tries, and may have a retry rule of their
// own.
var reasons = []string{"max_attempts", "permanent", "too_large", "unroutable", "unknown_outcome", "expired", "panic"}

func policyFields[T any](get func(*T) *Shared) []strict.Field[T] {
	return []strict.Field[T]{
		strict.Opt("retry", func(v *T) *Retry { return &get(v).Retry }, retryForm(),
			"How often, and at which pace, a failing message is tried. off: once."),
		strict.Opt("breaker", func(v *T) *Breaker { return &get(v).Breaker }, breakerForm(),
			"Pauses the route while its target refuses everybody. off: never."),
		strict.Opt("dead_letter", func(v *T) *DeadLetter { return &get(v).DeadLetter }, deadLetterForm(),
			"What happens when a message is given up."),
		strict.Opt("park", func(v *T) *Park { return &get(v).Park }, parkForm(),
			"Bounds what the route keeps in the store while keys wait."),
		strict.Opt("events", func(v *T) *Events { return &get(v).Events }, eventsForm(),
			"Where programs are told of dead letters, skips and what operators do, as CloudEvents. Default: off."),
		strict.Opt("alarms", func(v *T) *Alarms { return &get(v).Alarms }, alarmsForm(),
			"The limits at which a person is told. off: none."),
		strict.Opt("owner", func(v *T) *Owner { return &get(v).Owner }, ownerForm(),
			"Whose the route is, as a text or a mapping: shown in status, events and alarms. Default: off."),
	}
}

func retryForm() strict.Form[Retry] {
	object := strict.Object[Retry]{
		Meant: map[string]string{"max_attempts": "attempts", "retries": "attempts", "max_retries": "attempts", "backoff": "initial", "delay": "initial", "interval": "initial", "max_interval": "max", "factor": "multiplier"},
		Fields: []strict.Field[Retry]{
			strict.Opt("attempts", func(r *Retry) *int { return &r.Attempts }, attemptsForm(), "How often in all; 1: no retry."),
			strict.Opt("initial", func(r *Retry) *time.Duration { return &r.Initial }, pause(), "The pause after the first attempt."),
			strict.Opt("max", func(r *Retry) *time.Duration { return &r.Max }, pause(), "The longest pause."),
			strict.Opt("multiplier", func(r *Retry) *float64 { return &r.Multiplier }, strict.Float(1, 100, false),
				"By how much each pause exceeds the one before."),
			strict.Opt("jitter", func(r *Retry) *float64 { return &r.Jitter }, strict.Float(0, 1, false),
				"The part of each pause that is left to chance."),
			strict.Opt("timeout", func(r *Retry) *time.Duration { return &r.Timeout }, pause(), "How long one attempt may take until the target counts as away."),
			strict.Opt("rules", func(r *Retry) *[]RetryRule { return &r.Rules }, strict.List[RetryRule]{Item: ruleForm()},
				"Other numbers for some failures; the first rule that fits is used."),
		},
	}
	return strict.Or[Retry]{
		Form: object, Want: "off or a mapping ({ attempts: … })",
		Words: offWord(func(r *Retry) { r.Off, r.Attempts, r.Rules = true, 1, nil }),
		Before: func(r *Retry) {
			if r.Off {
				*r = defaultRetry()
			}
		},
	}
}

func pause() strict.Scalar[time.Duration] { return strict.Duration(time.Millisecond) }

// attemptsForm has an upper bound, because a message that is tried for ever
// stands in the way for ever.
func attemptsForm() strict.Scalar[int] { return strict.Int(1, 1000) }

func ruleForm() strict.Form[RetryRule] {
	return strict.Object[RetryRule]{
		One: []string{"class", "reason"},
		Fields: []strict.Field[RetryRule]{
			strict.Opt("class", func(r *RetryRule) *string { return &r.Class }, ruleClass(), "A class of failures."),
			strict.Opt("reason", func(r *RetryRule) *string { return &r.Reason }, strict.Enum(reasons...), "A reason, as dead letters name it."),
			strict.Opt("attempts", func(r *RetryRule) *int { return &r.Attempts }, attemptsForm(), "How often in all."),
			strict.Opt("initial", func(r *RetryRule) *time.Duration { return &r.Initial }, pause(), "The pause after the first attempt."),
			strict.Opt("max", func(r *RetryRule) *time.Duration { return &r.Max }, pause(), "The longest pause."),
		},
	}
}

// ruleClass is a class of failures that spend tries.
func ruleClass() strict.Scalar[string] {
	form := strict.Enum("transient", "permanent")
	parse := form.Parse
	form.Parse = func(text string) (string, error) {
		if text == "unavailable" || text == "interrupted" {
			return "", &strict.Mismatch{Hint: "such failures spend no try, and nothing is given up for them"}
		}
		return parse(text)
	}
	return form
}

func breakerForm() strict.Form[Breaker] {
	object := strict.Object[Breaker]{
		Meant: map[string]string{"threshold": "ratio", "timeout": "open_for", "interval": "window"},
		Fields: []strict.Field[Breaker]{
			strict.Opt("ratio", func(b *Breaker) *float64 { return &b.Ratio }, strict.Float(0, 1, true), "The part of failures that opens it."),
			strict.Opt("min", func(b *Breaker) *int { return &b.Min }, strict.Int(1, 1_000_000), "How many attempts a window needs to say anything."),
			strict.Opt("window", func(b *Breaker) *time.Duration { return &b.Window }, pause(), "The time over which attempts are counted."),
			strict.Opt("open_for", func(b *Breaker) *time.Duration { return &b.OpenFor }, pause(), "How long it stays open before one message is let through to see."),
		},
	}
	return strict.Or[Breaker]{
		Form: object, Want: "off or a mapping ({ ratio: … })",
		Words:  offWord(func(b *Breaker) { b.Off = true }),
		Before: func(b *Breaker) { b.Off = false },
	}
}

func deadLetterForm() strict.Form[DeadLetter] {
	mirror := strict.Ptr[To]{Form: toForm(), Start: defaultTo}
	return strict.Object[DeadLetter]{
		Meant: map[string]string{"topic": "to", "queue": "to", "action": "then", "policy": "then"},
		Fields: []strict.Field[DeadLetter]{
			strict.Opt("then", func(l *DeadLetter) *Then { return &l.Then }, strict.Enum(Quarantine, Continue, Stop),
				"quarantine its key (default, where an order is kept), continue without it (default elsewhere), or stop the route."),
			strict.Opt("to", func(l *DeadLetter) **To { return &l.To },
				strict.Or[*To]{Form: mirror, Want: "off or a mapping ({ broker: … })", Words: offWord(func(t **To) { *t = nil })},
				"A queue or topic that gets a copy of every dead letter. Default: off."),
			strict.Opt("stop_after", func(l *DeadLetter) *Share { return &l.StopAfter }, offOr(shareForm(), "off or "),
				`Stop the route when so many of the last messages became dead letters, as in "25 of 100". Default: off.`),
			strict.Opt("edit", func(l *DeadLetter) *bool { return &l.Edit }, strict.Flag(),
				"Allow operators to edit dead letters before they send them again; what they were is kept. Default: false."),
			strict.Opt("reply", func(l *DeadLetter) *bool { return &l.Reply }, strict.Flag(),
				"true: whoever asked for a reply (AMQP's reply-to, Spring's kafka_replyTopic) is told that his message failed. Default: false."),
		},
	}
}

var sharePattern = regexp.MustCompile(`^([0-9]{1,6}) of ([0-9]{1,6})$`)

func shareForm() strict.Scalar[Share] {
	return strict.Scalar[Share]{
		Type: strict.Text, Want: `"25 of 100"`,
		Shape: strict.Schema{Type: "string", Pattern: sharePattern.String()},
		Parse: func(text string) (Share, error) {
			m := sharePattern.FindStringSubmatch(text)
			if m == nil {
				return Share{}, &strict.Mismatch{}
			}
			var s Share
			s.Count, _ = strconv.Atoi(m[1]) // at most six digits
			s.Of, _ = strconv.Atoi(m[2])
			if s.Count < 1 || s.Count > s.Of {
				return Share{}, &strict.Mismatch{Hint: "the first number is from 1 to the second"}
			}
			return s, nil
		},
	}
}

func parkForm() strict.Form[Park] {
	return strict.Object[Park]{
		Meant: map[string]string{"max_size": "max_bytes", "limit": "max_bytes"},
		Fields: []strict.Field[Park]{
			strict.Opt("max_bytes", func(p *Park) *int64 { return &p.MaxBytes }, offOr(strict.Size(), "off or "),
				"The size, such as 10GiB, at which the route pauses. Default: off."),
		},
	}
}

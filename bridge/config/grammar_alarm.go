package config

import (
	"math"
	"net/url"
	"regexp"
	"time"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

func eventsForm() strict.Form[Events] {
	target := strict.Ptr[To]{Form: toForm(), Start: defaultTo}
	return strict.Or[Events]{
		Form: strict.Object[Events]{
			Meant: map[string]string{"topic": "to", "queue": "to", "target": "to"},
			Fields: []strict.Field[Events]{
				strict.Req("to", func(e *Events) **To { return &e.To }, target,
					"A queue, a topic, or an exchange with a fixed routing key, that nothing else is published to."),
			},
		},
		Words: offWord(func(e *Events) { *e = Events{} }),
		Want:  "off or a mapping ({ to: … })",
	}
}

func alarmsForm() strict.Form[Alarms] {
	count := offOr(strict.Int[int64](1, math.MaxInt64), "off or ")
	age := offOr(strict.Duration(time.Second), "off or ")
	object := strict.Object[Alarms]{
		Secretive: true,
		Meant: map[string]string{
			"dead": "dead_letters", "dlq": "dead_letters", "dlq_age": "dead_letter_age", "skips": "open_skips",
			"quarantined": "quarantined_keys", "events": "unsent_events", "url": "webhook", "notify": "webhook",
		},
		Fields: []strict.Field[Alarms]{
			strict.Opt("dead_letters", func(a *Alarms) *int64 { return &a.DeadLetters }, count,
				"How many dead letters. Each limit of alarms begins one when it is reached; off: never."),
			strict.Opt("dead_letter_age", func(a *Alarms) *time.Duration { return &a.DeadLetterAge }, age,
				"How old the oldest dead letter is."),
			strict.Opt("parked", func(a *Alarms) *int64 { return &a.Parked }, count,
				"How many messages wait in the store. Default: off."),
			strict.Opt("parked_age", func(a *Alarms) *time.Duration { return &a.ParkedAge }, age,
				"For how long a key waits with messages in the store."),
			strict.Opt("open_skips", func(a *Alarms) *int64 { return &a.OpenSkips }, count,
				"How many ranges were skipped that no operator has closed."),
			strict.Opt("quarantined_keys", func(a *Alarms) *int64 { return &a.QuarantinedKeys }, count,
				"How many keys wait for a person, or for a revision that did not come in time."),
			strict.Opt("unsent_events", func(a *Alarms) *int64 { return &a.UnsentEvents }, count,
				"How many events wait to be sent."),
			strict.Opt("webhook", func(a *Alarms) **Webhook { return &a.Webhook }, webhookForm(),
				"Who is told when an alarm begins and ends, beside the log: a URL, or a mapping. Default: off."),
		},
	}
	return strict.Or[Alarms]{
		Form:   object,
		Words:  offWord(func(a *Alarms) { a.Off = true }),
		Before: func(a *Alarms) { a.Off = false },
	}
}

func ownerForm() strict.Form[Owner] {
	name := func(o *Owner) *string { return &o.Name }
	return strict.Or[Owner]{
		Form: strict.Short[Owner]{
			Value: strict.Via[Owner, string]{Get: name, Form: strict.String()},
			Form: strict.Object[Owner]{
				Secretive: true,
				Meant:     map[string]string{"team": "name", "url": "webhook", "notify": "webhook"},
				Fields: []strict.Field[Owner]{
					strict.Req("name", name, strict.String(), "Whose the route is; as text alone it is this."),
					strict.Opt("webhook", func(o *Owner) **Webhook { return &o.Webhook }, webhookForm(),
						"Who is told of the route's alarms, beside alarms.webhook: a URL, or a mapping."),
				},
			},
		},
		Words: offWord(func(o *Owner) { *o = Owner{} }),
	}
}

func webhookForm() strict.Form[*Webhook] {
	address := func(w *Webhook) *Secret { return &w.URL }
	located := strict.Object[Webhook]{
		Secretive: true,
		Located:   func(w *Webhook, path string) { w.Path = path },
		Meant:     map[string]string{"uri": "url", "address": "url", "token": "bearer", "rate": "per_minute", "header": "bearer"},
		Fields: []strict.Field[Webhook]{
			strict.Req("url", address, webhookURLForm(), "http:// or https://; as text alone it is this."),
			strict.Opt("bearer", func(w *Webhook) *Secret { return &w.Bearer },
				secretForm("a token of letters, digits and signs, without blanks", isBearer),
				"Sent as Authorization: Bearer; better ${file:/run/secrets/hook} than the text itself."),
			strict.Opt("per_minute", func(w *Webhook) *int { return &w.PerMinute }, strict.Int(1, 1000),
				"How many calls there are, at most; what waits meanwhile is told in its last state."),
		},
	}
	short := strict.Short[Webhook]{
		Form: located, Value: strict.Via[Webhook, Secret]{Get: address, Form: webhookURLForm()}, Start: defaultWebhook,
	}
	return strict.Or[*Webhook]{
		Form: strict.Ptr[Webhook]{Form: short}, Words: offWord(func(w **Webhook) { *w = nil }),
	}
}

var isBearer = regexp.MustCompile(`^[!-~]+$`).MatchString

func webhookURLForm() strict.Form[Secret] {
	return secretForm("a URL such as https://hooks.example/bridge", func(text string) bool {
		u, err := url.Parse(text)
		return err == nil && u.Hostname() != "" && (u.Scheme == "http" || u.Scheme == "https")
	})
}

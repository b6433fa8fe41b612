package words

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/config"
)

// parse reads the first route of a topology with these settings of a route.
func parse(t *testing.T, settings string) config.Route {
	t.Helper()
	f, err := config.Parse("topology.yaml", []byte(`
brokers:
  shop: { amqp: { url: "amqp://guest:guest@127.0.0.1:5672/" } }
  lake: { kafka: { brokers: ["127.0.0.1:9092"] } }
routes:
  - name: orders
`+settings), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.Routes[0]
}

// told are the policies as lines.
func told(r config.Route) string {
	var lines []string
	for _, p := range Of(r) {
		lines = append(lines, p.Name+": "+p.Says)
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestARouteInWords(t *testing.T) {
	for name, c := range map[string]struct{ settings, want string }{
		"by revision, all defaults": {`
    from: { broker: shop, queue: orders }
    to: { broker: lake, topic: orders }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
`, `window: up to 2,000 messages taken from orders and not acknowledged, and 64 MiB of them
order: by revision, per key; the key is header.key, the revision header.revision
first: a new key begins with revision 1
hold: what comes before its turn waits in memory for 100 ms, then in the store
gap: a key that misses a revision for 1 min is quarantined until an operator decides
same: two messages of one revision are the same message if their bodies are the same
max_jump: a revision more than 10,000 above the highest known one is taken for corrupt
max_ahead: of a key up to 64 at once are under way, and may come twice after a crash
retry: up to 10 tries, 200 ms to 30 s apart; each pause is 2 times the one before, and 50 % of it is left to chance
timeout: a try that takes more than 10 s counts as a target that is away; it spends no try
breaker: opens when 50 % of at least 20 tries within 10 s find the target away; after 15 s one message looks whether it is back
dead_letter: a key waits behind its dead letter until an operator decides
park: no limit but the room on the store's disk
record_key: the record key is header.key
alarms: at 1,000 dead letters, a dead letter older than 24 h, a key that waits for longer than 24 h, 1 skip that nobody has seen to, 100 quarantined keys, 100,000 unsent events
`},
		"much of it": {`
    from: { broker: lake, topic: orders, group: readers, start: 2026-03-04T12:00:00Z, window: 500, window_bytes: 1MiB, trust: none }
    to: { broker: shop, exchange: events, routing_key: header.type, headers: text, stamp: revision, declare: { type: topic } }
    when: { header.type: [A, B, C], header.land: [fr] }
    order:
      by: revision
      key: [header.key, json.tenant]
      revision: json.rev
      first: adopt
      adopt_after: 1500ms
      epoch: header.epoch
      same: header.hash
      gap: { hold: 0s, timeout: 90s, then: skip }
      max_ahead: 1
      max_jump: 50
    retry: { attempts: 3, initial: 1s, max: 1s, multiplier: 1, jitter: 0, timeout: 1h, rules: [ { class: permanent, attempts: 2, initial: 5s, max: 10s }, { reason: too_large, attempts: 1 } ] }
    breaker: off
    dead_letter: { then: stop, to: { broker: shop, queue: orders.dlq }, stop_after: 25 of 100, edit: true, reply: true }
    park: { max_bytes: 1536MiB }
    events: { to: { broker: shop, exchange: told, routing_key: orders } }
    alarms: { dead_letters: 1, dead_letter_age: off, parked: 10, parked_age: 72h, open_skips: off, quarantined_keys: off, unsent_events: off, webhook: { url: "https://secret.example/hook", per_minute: 3 } }
    owner: { name: the order team, webhook: "https://secret.example/other" }
`, `filter: only messages whose header.type is "A", "B" or "C"; others settle their revision without being delivered
filter: only messages whose header.land is "fr"; others settle their revision without being delivered
window: up to 500 messages taken from orders and not acknowledged, and 1 MiB of them
trust: no bridge-* header of orders is believed
group: orders is read as group readers, from 2026-03-04 12:00:00 UTC
order: by revision, per key; the key is header.key with json.tenant, the revision json.rev
first: a new key begins with the lowest revision that comes within 1.5 s
epoch: when header.epoch grows, the revisions of a key begin anew
hold: what comes before its turn waits in the store
gap: a revision that is missing for 1 min 30 s is skipped, and that is recorded
same: two messages of one revision are the same message if their header.hash is the same
max_jump: a revision more than 50 above the highest known one is taken for corrupt
max_ahead: of a key up to 1 at once are under way, and may come twice after a crash
retry: up to 3 tries, 1 s apart; each pause is 1 times the one before, and 0 % of it is left to chance
retry: permanent failures: up to 2 tries, 5 s to 10 s apart
retry: what fails as too_large: one try
timeout: a try that takes more than 1 h counts as a target that is away; it spends no try
breaker: off: every message finds out anew that the target is away
dead_letter: the whole route pauses at a dead letter
mirror: a copy of every dead letter goes to orders.dlq on shop
stop_after: the route pauses when 25 of 100 messages that ended last became dead letters
edit: operators may give dead letters other content
reply: senders that ask for it are told when their message becomes a dead letter
park: the route takes nothing more while 1.5 GiB are parked
headers: header values are written as text
stamp: what is delivered is numbered anew, per key from 1 and without a gap
declare: events is created if it is missing, with topic
events: what happens to messages that are not simply delivered is told to told with the routing key orders on shop
alarms: at 1 dead letter, 10 parked messages, a key that waits for longer than 3 d
alarms: a webhook is told of them, at most 3 times a minute
owner: the order team
owner: a webhook of the owner is told of alarms, at most 10 times a minute
`},
		"by arrival": {`
    from: { broker: shop, queue: orders }
    to: { broker: lake, topic: orders }
    order: { by: arrival, duplicates: { id: header.id, window: 2h } }
    retry: off
    alarms: off
`, `order: as the source delivers, all messages in one line
duplicates: recognised by their header.id for 2 h at least; two of one id are the same message if their bodies are the same
`},
		"by nothing": {`
    from: { broker: shop, queue: orders }
    to: { broker: lake, topic: orders }
    order: { by: none, duplicates: off }
`, `order: none: each message goes as soon as it can
duplicates: off: what comes again is delivered again
`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := told(parse(t, c.settings)); !strings.Contains(got, c.want) {
				t.Errorf("got\n%s\nwant in it\n%s", got, c.want)
			}
		})
	}
}

// TestEverySettingHasWords changes each setting of a route: something else must be
// said then, or nobody would find the setting here.
func TestEverySettingHasWords(t *testing.T) {
	queue := `
    from: { broker: shop, queue: orders, declare: true }
    to: { broker: shop, exchange: events, routing_key: a }
    `
	bases := []config.Route{
		parse(t, queue+"order: { by: revision, key: header.key, revision: header.revision, first: 1, forget_after: off }"),
		parse(t, queue+"order: { by: revision, key: header.key, revision: header.revision, first: adopt }"),
		parse(t, queue+"order: { by: arrival, key: header.key }"),
		parse(t, `
    from: { broker: lake, topic: orders }
    to: { broker: lake, topic: others, declare: { partitions: 6 } }
    order: { by: none }
    dead_letter: { to: { broker: shop, exchange: dead, routing_key: a } }
    events: { to: { broker: shop, exchange: events, routing_key: a } }
    retry: { rules: [ { reason: too_large, attempts: 3 }, { class: permanent, attempts: 3 } ] }
    alarms: { webhook: "https://example.com/a" }
    owner: { name: us, webhook: "https://example.com/b" }
`),
	}
	said := map[string]bool{}
	for i := range bases {
		before := told(bases[i])
		each(reflect.ValueOf(&bases[i]).Elem(), "", func(path string) {
			said[path] = said[path] || told(bases[i]) != before
		})
		if told(bases[i]) != before {
			t.Fatal("a change was not undone")
		}
	}
	for path, ok := range said {
		if !ok && !silent(path) {
			t.Errorf("nothing is said of %s", path)
		}
	}
	if len(said) < 80 {
		t.Errorf("only %d settings were found", len(said))
	}
}

// silent are settings of which nothing is said here: names, which stand elsewhere;
// secrets; and the details of targets that do not say where they are.
func silent(path string) bool {
	last := path[strings.LastIndex(path, ".")+1:]
	inTo := strings.HasPrefix(path, "To.") || strings.Contains(path, ".To.")
	return slices.Contains([]string{"Path", "URL", "Bearer", "Name", "Broker"}, last) && path != "Owner.Name" ||
		inTo && (last != "Headers" && last != "Stamp" || path != "To."+last)
}

// each changes every setting below a value, one at a time, and undoes it.
func each(v reflect.Value, path string, see func(path string)) {
	old := reflect.ValueOf(v.Interface())
	change := func(to any) {
		v.Set(reflect.ValueOf(to).Convert(v.Type()))
		see(strings.TrimPrefix(path, "."))
		v.Set(old)
	}
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			change(time.Unix(1, 0))
			return
		}
		for i := range v.NumField() {
			name := "." + v.Type().Field(i).Name
			if v.Type().Field(i).Anonymous {
				name = ""
			}
			if v.Type().Field(i).IsExported() {
				each(v.Field(i), path+name, see)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
			v.Elem().Set(old.Elem())
			each(v.Elem(), path, see)
			v.Set(old)
		}
	case reflect.Slice:
		for i := range v.Len() {
			each(v.Index(i), path, see)
		}
	case reflect.Bool:
		change(!v.Bool())
	case reflect.Int, reflect.Int64:
		change(v.Int() + int64(3*time.Second))
	case reflect.Float64:
		change(v.Float() + 0.25)
	case reflect.String:
		for _, to := range []string{"other", "skip", "wait", "continue", "stop", "text", "revision", "consumer", "none"} {
			change(to)
		}
	}
}

func TestUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", time.Millisecond: "1 ms", 1500 * time.Microsecond: "1.5 ms", time.Second: "1 s", 2500 * time.Millisecond: "2.5 s",
		time.Minute: "1 min", 90 * time.Second: "1 min 30 s", 24 * time.Hour: "24 h", 49 * time.Hour: "2 d 1 h", time.Hour + time.Second: "1 h 1 s",
	} {
		if got := span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 1023: "1,023 bytes", 1 << 10: "1 KiB", 3 << 29: "1.5 GiB", 1 << 40: "1 TiB"} {
		if got := size(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

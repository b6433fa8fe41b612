package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/doctor"
)

// scene is a topology and what its brokers tell.
type scene struct {
	text  string // of the file
	found map[string]survey.Survey
	dir   string // of the store
}

const sound = `brokers:
  shop: { amqp: { url: "amqp://bridge:secret@rabbit:5672/" } }
  lake: { kafka: { brokers: ["one:9092", "two:9092"] } }
store: { pebble: { dir: "DIR" }, min_free: MINFREE }
routes:
  - name: in
    from: { broker: shop, queue: orders }
    to: { broker: lake, topic: orders }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
  - name: out
    from: { broker: lake, topic: events, group: readers }
    to: { broker: shop, exchange: events, routing_key: a.b }
    order: { by: revision, key: message_key, revision: header.revision, first: 1 }
`

// newScene is one in which all is well.
func newScene(t *testing.T) *scene {
	topic := func() *survey.Topic {
		return &survey.Topic{
			Partitions: 6, Replicas: 3, InSync: 3, Rights: []string{"READ", "WRITE", "DESCRIBE"},
			Settings: map[string]string{
				"min.insync.replicas": "2", "retention.ms": "604800000", "retention.bytes": "-1", "cleanup.policy": "delete",
				"max.message.bytes": "134217728", "message.timestamp.type": "CreateTime", "unclean.leader.election.enable": "false",
			},
		}
	}
	s := &scene{text: sound, dir: t.TempDir(), found: map[string]survey.Survey{
		"shop": {AMQP: &survey.AMQP{
			Product: "RabbitMQ", Version: "3.13.7", Cluster: "c", User: "bridge", VHost: "/",
			Rights:     &survey.Permissions{Configure: "^$", Write: ".*", Read: ".*"},
			Management: survey.Management{URL: "http://rabbit:15672"},
			Queues: map[string]*survey.Queue{"orders": {Details: &survey.QueueDetails{
				Type: "quorum", Durable: true, Arguments: map[string]any{"x-queue-type": "quorum"},
			}}},
			Exchanges: map[string]*survey.Exchange{"events": {Details: &survey.ExchangeDetails{
				Type: "topic", Durable: true, Bindings: []survey.Binding{{Key: "a.#", To: "q"}},
			}}},
		}},
		"lake": {Kafka: &survey.Kafka{
			Version: "v4.1", Cluster: "k", Seeds: []survey.Address{{At: "one:9092"}, {At: "two:9092"}}, Nodes: []survey.Address{{At: "one:9092"}},
			SessionTimeout: 30e9, LargestRecord: 200 << 20,
			Settings: map[string]string{
				"group.min.session.timeout.ms": "6000", "group.max.session.timeout.ms": "1800000",
				"offsets.retention.minutes": "10080", "auto.create.topics.enable": "false",
			},
			Topics: map[string]*survey.Topic{"orders": topic(), "events": topic()},
			Groups: map[survey.Group]*survey.Members{{Name: "readers", Topic: "events"}: {State: "Empty", Rights: []string{"READ"}}},
		}},
	}}
	s.found["lake"].Kafka.Topics["events"].Settings["max.message.bytes"] = "1048588"
	return s
}

func (s *scene) rabbit() *survey.AMQP  { return s.found["shop"].AMQP }
func (s *scene) kafka() *survey.Kafka  { return s.found["lake"].Kafka }
func (s *scene) source() *survey.Topic { return s.kafka().Topics["events"] }
func (s *scene) target() *survey.Topic { return s.kafka().Topics["orders"] }

func (s *scene) queue() *survey.QueueDetails { return s.rabbit().Queues["orders"].Details }

func (s *scene) exchange() *survey.ExchangeDetails { return s.rabbit().Exchanges["events"].Details }

func (s *scene) group() *survey.Members {
	return s.kafka().Groups[survey.Group{Name: "readers", Topic: "events"}]
}

// change replaces a part of the file.
func (s *scene) change(old, with string) {
	if !strings.Contains(s.text, old) {
		panic("the file has no " + old)
	}
	s.text = strings.Replace(s.text, old, with, 1)
}

// look judges the scene.
func (s *scene) look(t *testing.T) doctor.Report {
	t.Helper()
	text := strings.ReplaceAll(s.text, "DIR", s.dir)
	text = strings.ReplaceAll(text, "MINFREE", "1MiB")
	f, err := config.Parse("bridge.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return doctor.Look(t.Context(), f, doctor.Options{Open: func(b config.Broker) (broker.Surveyor, error) {
		found, ok := s.found[b.Name]
		if !ok {
			return nil, errors.New("it cannot be opened")
		}
		return told{found}, nil
	}})
}

// told is a broker that tells what a scene has.
type told struct{ found survey.Survey }

func (b told) Survey(context.Context, survey.Plan) survey.Survey { return b.found }
func (told) Close() error                                        { return nil }

func line(f doctor.Finding) string {
	return fmt.Sprintf("%s %s %s/%s %s: %s", f.Severity, f.Code, f.Broker, f.Route, f.Path, f.Found)
}

// provoked are the codes and severities that a test has seen.
var provoked = map[string]bool{}

// Where all is well, only that is said which is always worth knowing.
func TestSound(t *testing.T) {
	var codes []string
	for _, f := range newScene(t).look(t).Findings {
		codes = append(codes, f.Code)
		if f.Severity != doctor.Note || f.Why == "" {
			t.Error(line(f))
		}
	}
	if want := []string{"broker-version", "broker-version", "store-new"}; !slices.Equal(without(codes, "store-volatile"), want) {
		t.Errorf("got %q, want %q", codes, want)
	}
}

// without leaves out what depends on where the tests keep their files.
func without(codes []string, code string) []string {
	return slices.DeleteFunc(codes, func(c string) bool { return c == code })
}

// TestJudgements changes one thing of a sound scene and sees what is said of it,
// and nothing else.
func TestJudgements(t *testing.T) {
	judged := 0
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := newScene(t)
			known := map[string]int{}
			for _, f := range before.look(t).Findings {
				known[f.Code]++
			}
			after := newScene(t)
			c.change(after)
			judged++
			var got []string
			for _, f := range after.look(t).Findings {
				if known[f.Code] > 0 && !strings.HasPrefix(c.name, f.Code) {
					known[f.Code]--
					continue
				}
				provoked[f.Code+" "+string(f.Severity)] = true
				got = append(got, line(f)+" | "+f.Do)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %d findings, want %d:\n%s", len(got), len(c.want), strings.Join(got, "\n"))
			}
			for i, want := range c.want {
				want = strings.ReplaceAll(want, "DIR", after.dir)
				if !strings.HasPrefix(got[i], want) && !matches(got[i], want) {
					t.Errorf("got\n%s\nwant\n%s", got[i], want)
				}
			}
		})
	}
	if judged == len(cases) { // not where one was asked for
		everyCheck(t)
	}
}

// matches compares with a text in which … stands for anything.
func matches(got, want string) bool {
	for i, part := range strings.Split(want, "…") {
		at := strings.Index(got, part)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		got = got[at+len(part):]
	}
	return true
}

// everyCheck sees that the cases provoke every check, with each severity that it is
// said to have and with no other.
func everyCheck(t *testing.T) {
	said := map[string]bool{}
	for _, c := range doctor.Checks {
		for _, s := range c.Severities {
			key := c.Code + " " + string(s)
			said[key] = true
			if !provoked[key] {
				t.Errorf("no case has %s", key)
			}
		}
	}
	for key := range provoked {
		if !said[key] {
			t.Errorf("%s is not among the checks", key)
		}
	}
}

package kafka_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

func lookAt(t *testing.T, cfg config.Kafka, plan survey.Plan) survey.Survey {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return kafka.New("test", cfg, nil).Survey(ctx, plan)
}

// What is there is told as it is.
func TestSurveyTells(t *testing.T) {
	t.Parallel()
	retention := "3600000"
	topic := rig.TopicWith(t, 3, map[string]*string{"retention.ms": &retention})
	group, empty := survey.Group{Name: rig.Name(t), Topic: topic}, survey.Group{Name: rig.Name(t), Topic: topic}
	rig.Produce(t, topic, &kgo.Record{Value: []byte("x")})
	member := rig.Client(t, kgo.ConsumerGroup(group.Name), kgo.ConsumeTopics(topic), kgo.InstanceID("instance"), kgo.ClientID("reader"))
	member.PollFetches(t.Context()) // it is a member then
	admin := kadm.NewClient(rig.Client(t))
	s := lookAt(t, config.Kafka{Brokers: append(rig.Kafka(t), rig.Address(t))}, survey.Plan{
		Topics: []string{topic, "nowhere"}, Groups: []survey.Group{group, empty, {Name: empty.Name, Topic: "nowhere"}},
	})
	if s.Trouble != nil {
		t.Fatal(s.Trouble)
	}
	k := s.Kafka
	if !strings.HasPrefix(k.Version, "v4.") || k.Cluster == "" || len(k.Nodes) != 1 || k.Nodes[0].Trouble != nil || k.SessionTimeout != 30*time.Second || k.LargestRecord < 1<<20 {
		t.Errorf("it says of itself: %+v", k)
	}
	if len(k.Seeds) != 2 || k.Seeds[0].Trouble != nil || k.Seeds[1].Trouble == nil || k.Seeds[1].Trouble.Kind != survey.Refused {
		t.Errorf("the seeds are %+v", k.Seeds)
	}
	if k.SettingsErr != nil || k.Settings["auto.create.topics.enable"] != "false" || k.Settings["group.min.session.timeout.ms"] == "" || k.Settings["offsets.retention.minutes"] == "" {
		t.Errorf("its settings are %v (%v)", k.Settings, k.SettingsErr)
	}
	if !k.Topics["nowhere"].Missing {
		t.Errorf("what is not there is %+v", k.Topics["nowhere"])
	}
	is := k.Topics[topic]
	if is.Missing || is.Err != nil || is.Partitions != 3 || is.Replicas != 1 || is.InSync != 1 || is.Leaderless != 0 {
		t.Errorf("the topic is %+v", is)
	}
	for name, want := range map[string]string{
		"retention.ms": retention, "cleanup.policy": "delete", "min.insync.replicas": "1", "max.message.bytes": "1048588",
		"message.timestamp.type": "CreateTime", "unclean.leader.election.enable": "false", "retention.bytes": "-1",
	} {
		if is.Settings[name] != want {
			t.Errorf("%s is %q, want %q", name, is.Settings[name], want)
		}
	}
	if m := k.Groups[group]; m.Err != nil || len(m.Members) != 1 || m.Members[0].Instance != "instance" || m.Members[0].Client != "reader" {
		t.Errorf("the group is %+v", m)
	}
	if m := k.Groups[empty]; m.Err != nil || m.OffsetsErr != nil || len(m.Members)+len(m.Offsets) != 0 {
		t.Errorf("the group that nobody has is %+v", m)
	}
	known, err := admin.ListGroups(t.Context())
	if err != nil || slices.Contains(known.Groups(), empty.Name) {
		t.Errorf("the look has made a group: %v %v", known.Groups(), err)
	}
	topics, err := admin.ListTopics(t.Context(), "nowhere")
	if err != nil || topics["nowhere"].Err == nil {
		t.Errorf("the look has made a topic: %v", err)
	}
}

// Members of the protocol "consumer" are seen as well.
func TestSurveyTellsMembersOfTheNewProtocol(t *testing.T) {
	t.Parallel()
	l := newLog(t, rig.Topic(t, 1), protocol{name: config.ProtocolConsumer})
	group := survey.Group{Name: l.name, Topic: l.name}
	l.fill(t, 1, 0, 1)
	l.read(t).next(1)
	k := lookAt(t, config.Kafka{Brokers: rig.Kafka(t)}, survey.Plan{Topics: []string{group.Topic}, Groups: []survey.Group{group}}).Kafka
	if m := k.Groups[group]; len(m.Members) != 1 || m.Err != nil {
		t.Errorf("the group is %+v", m)
	}
}

// A15: offsets beside what the topic has.
func TestSurveyTellsOffsets(t *testing.T) {
	t.Parallel()
	group := survey.Group{Name: rig.Name(t), Topic: rig.Topic(t, 1)}
	rig.Produce(t, group.Topic, &kgo.Record{Value: []byte("0")}, &kgo.Record{Value: []byte("1")}, &kgo.Record{Value: []byte("2")})
	admin := kadm.NewClient(rig.Client(t))
	var offsets kadm.Offsets
	offsets.AddOffset(group.Topic, 0, 1, -1)
	if err := admin.CommitAllOffsets(t.Context(), group.Name, offsets); err != nil {
		t.Fatal(err)
	}
	offsets.AddOffset(group.Topic, 0, 2, -1)
	if _, err := admin.DeleteRecords(t.Context(), offsets); err != nil {
		t.Fatal(err)
	}
	k := lookAt(t, config.Kafka{Brokers: rig.Kafka(t)}, survey.Plan{Topics: []string{group.Topic}, Groups: []survey.Group{group}}).Kafka
	if m := k.Groups[group]; !slices.Equal(m.Offsets, []survey.Offset{{Partition: 0, At: 1, Start: 2, End: 3}}) || m.OffsetsErr != nil {
		t.Errorf("the group is %+v", m)
	}
}

// E1: what Kafka does not allow is told, for topics and groups each.
func TestSurveyTellsRights(t *testing.T) {
	t.Parallel()
	allow := func(what kmsg.ACLResourceType, name string, op kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: what, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true}
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "readable", "hidden"), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("PLAIN", "admin", "admin"), kfake.User("PLAIN", "reader", "right",
			allow(kmsg.ACLResourceTypeTopic, "readable", kmsg.ACLOperationRead)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	cfg := config.Kafka{Brokers: c.ListenAddrs(), SASL: &config.SASL{Mechanism: config.Plain, Username: "reader", Password: config.NewSecret("right")}}
	group := survey.Group{Name: "group", Topic: "readable"}
	s := lookAt(t, cfg, survey.Plan{Topics: []string{"readable", "hidden"}, Groups: []survey.Group{group}})
	if s.Trouble != nil {
		t.Fatal(s.Trouble)
	}
	if is := s.Kafka.Topics["readable"]; is.Denied || !slices.Contains(is.Rights, "READ") || slices.Contains(is.Rights, "WRITE") {
		t.Errorf("the readable topic is %+v", is)
	}
	if is := s.Kafka.Topics["hidden"]; !is.Denied {
		t.Errorf("the hidden topic is %+v", is)
	}
	if is := s.Kafka.Groups[group]; !is.Denied {
		t.Errorf("the group is %+v", is)
	}
	cfg.SASL.Password = config.NewSecret("CANARY")
	s = lookAt(t, cfg, survey.Plan{})
	if s.Trouble == nil || s.Trouble.Kind != survey.Login || strings.Contains(s.Trouble.Error(), "CANARY") {
		t.Errorf("with a wrong password: %v", s.Trouble)
	}
}

// E2, E3: what keeps us from a cluster is told by its kind.
func TestSurveyTroubles(t *testing.T) {
	t.Parallel()
	certified := func(valid time.Duration, name string) (address, ca string) { return secured(t, valid, name) }
	trusted, ca := certified(time.Hour, "127.0.0.1")
	other, otherCA := certified(time.Hour, "kafka.example")
	expired, expiredCA := certified(-time.Hour, "127.0.0.1")
	amqp := strings.TrimSuffix(rig.AMQP(t)[strings.LastIndex(rig.AMQP(t), "@")+1:], "/")
	for name, c := range map[string]struct {
		kind survey.Kind
		cfg  config.Kafka
	}{
		"Nobody":       {survey.Refused, config.Kafka{Brokers: []string{rig.Address(t)}}},
		"NoName":       {survey.DNS, config.Kafka{Brokers: []string{"no-such-host.invalid:9092"}}},
		"RabbitMQ":     {survey.Stranger, config.Kafka{Brokers: []string{amqp}}},
		"NotEncrypted": {survey.Plain, config.Kafka{Brokers: []string{amqp}, TLS: &config.TLS{}}},
		"Encrypted":    {survey.Stranger, config.Kafka{Brokers: []string{trusted}}},
		"Authority":    {survey.Authority, config.Kafka{Brokers: []string{trusted}, TLS: &config.TLS{}}},
		"OtherName":    {survey.Host, config.Kafka{Brokers: []string{other}, TLS: &config.TLS{CA: otherCA}}},
		"Expired":      {survey.Expired, config.Kafka{Brokers: []string{expired}, TLS: &config.TLS{CA: expiredCA}}},
		"Files":        {survey.Files, config.Kafka{Brokers: []string{trusted}, TLS: &config.TLS{CA: "/nowhere/ca.pem"}}},
		"Well":         {"", config.Kafka{Brokers: []string{trusted}, TLS: &config.TLS{CA: ca}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := lookAt(t, c.cfg, survey.Plan{})
			if c.kind == "" && s.Trouble == nil {
				return
			}
			if s.Trouble == nil || s.Trouble.Kind != c.kind {
				t.Errorf("got %v", s.Trouble)
			}
		})
	}
}

// Addresses that are silent are waited for together, and what had no time to answer
// is not said to be missing.
func TestSurveyOfSilentAddresses(t *testing.T) {
	t.Parallel()
	trusted, ca := secured(t, time.Hour, "127.0.0.1")
	silent := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l.Addr().String()
	}
	cfg := config.Kafka{Brokers: []string{silent(), silent(), silent(), trusted}, TLS: &config.TLS{CA: ca}}
	began := time.Now()
	s := lookAt(t, cfg, survey.Plan{})
	if took := time.Since(began); took > 8*time.Second || s.Kafka == nil {
		t.Fatalf("after %v: %v", took, s.Trouble)
	}
	for i, seed := range s.Kafka.Seeds {
		if open := i == 3; seed.At != cfg.Brokers[i] || open != (seed.Trouble == nil) || !open && seed.Trouble.Kind != survey.Silent {
			t.Errorf("seed %d is %+v", i, seed)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	s = kafka.New("test", cfg, nil).Survey(ctx, survey.Plan{Topics: []string{"t"}})
	if s.Trouble == nil || s.Trouble.Kind != survey.Silent {
		t.Errorf("where the time is over: %+v", s)
	}
}

// A Kafka that stops to answer in the middle is said to do so; its topics and groups
// are not judged by that.
func TestSurveyCutShort(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "first", "second"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.ControlKey(int16(kmsg.DescribeGroups), func(kmsg.Request) (kmsg.Response, error, bool) {
		cancel()
		c.KeepControl()
		return nil, nil, false
	})
	groups := []survey.Group{{Name: "g", Topic: "first"}, {Name: "h", Topic: "second"}}
	s := kafka.New("test", config.Kafka{Brokers: c.ListenAddrs()}, nil).Survey(ctx, survey.Plan{Topics: []string{"first", "second"}, Groups: groups})
	if s.Kafka == nil || s.Kafka.Unasked == nil || len(s.Kafka.Topics) != 2 || len(s.Kafka.Groups) != 0 {
		t.Errorf("got %+v, %v", s.Kafka, s.Trouble)
	}
}

// secured is a cluster with a certificate for a name that is valid for so long, and
// the file of its authority.
func secured(t *testing.T, valid time.Duration, name string) (address, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(valid),
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{name},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return c.ListenAddrs()[0], ca
}

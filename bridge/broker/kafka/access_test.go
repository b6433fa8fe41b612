package kafka_test

import (
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/policies"
)

// E1: a topic that messages name and that we may not write to is the fault of those
// messages. It is no outage, and other topics go on.
func TestE1_DeniedTopicOfTheMessagesOwnIsUnroutable(t *testing.T) {
	t.Parallel()
	var acls []kfake.ACL
	for _, op := range []kmsg.ACLOperation{kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs} {
		acls = append(acls, kfake.ACL{
			Resource: kmsg.ACLResourceTypeTopic, Name: "allowed", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true,
		})
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "allowed", "denied"), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("PLAIN", "admin", "admin"), kfake.User("PLAIN", "writer", "secret", acls...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	b := kafka.New("test", config.Kafka{
		Brokers: c.ListenAddrs(), SASL: &config.SASL{Mechanism: config.Plain, Username: "writer", Password: config.NewSecret("secret")},
	}, nil)
	to := config.To{Topic: config.Dynamic{Field: config.Field{Kind: config.Header, Name: "to"}}}
	target, err := b.Target(to, broker.TargetOptions{Route: "route"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close() })
	var msgs []*message.Message
	for _, name := range []string{"allowed", "denied", "allowed"} {
		msgs = append(msgs, &message.Message{Metadata: message.Metadata{"to": name}, Payload: []byte(name)})
	}
	for range 2 {
		errs := target.PublishBatch(msgs)
		if errs[0] != nil || errs[2] != nil {
			t.Errorf("the allowed topic: %v, %v", errs[0], errs[2])
		}
		if policies.ClassOf(errs[1]) != policies.Permanent || policies.ReasonOf(errs[1]) != "unroutable" {
			t.Errorf("the denied topic: %v (%v, %q)", errs[1], policies.ClassOf(errs[1]), policies.ReasonOf(errs[1]))
		}
	}
}

package doctor_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
)

type judgement struct {
	name   string // its code first
	change func(*scene)
	want   []string
}

func trouble(broker string, kind survey.Kind) func(*scene) {
	return func(s *scene) {
		s.found[broker] = survey.Survey{Trouble: &survey.Trouble{Kind: kind, Err: errors.New("said by the client")}}
	}
}

var cases = []judgement{
	{"broker-unreachable: DNS", trouble("lake", survey.DNS), []string{
		"error broker-unreachable lake/ brokers.lake.kafka.brokers: the name has no address: said by the client | check the name",
	}},
	{"broker-unreachable: silent", trouble("shop", survey.Silent), []string{
		"error broker-unreachable shop/ brokers.shop.amqp.url: no answer in time: said by the client | check the way there",
	}},
	{"broker-unreachable: cannot be opened", func(s *scene) { delete(s.found, "shop") }, []string{
		"error broker-unreachable shop/ brokers.shop.amqp.url: it cannot be asked: it cannot be opened |",
	}},
	{"broker-login: Kafka", trouble("lake", survey.Login), []string{
		"error broker-login lake/ brokers.lake.kafka.sasl: user or password is refused: said by the client | ",
	}},
	{"broker-tls", trouble("lake", survey.Authority), []string{
		"error broker-tls lake/ brokers.lake.kafka.tls: the certificate is not of an authority that is trusted: said by the client | name the authority",
	}},
	{"broker-tls: ours", trouble("lake", survey.Ours), []string{
		"error broker-tls lake/ brokers.lake.kafka.tls: the other side does not take our certificate, or wants one: said by the client | name one that is valid and of an authority that it trusts: tls: { cert: FILE, key: FILE }",
	}},
	{"amqp-vhost", trouble("shop", survey.VHost), []string{
		"error amqp-vhost shop/ brokers.shop.amqp.url: the virtual host is missing, or not for this user: said by the client | rabbitmqctl add_vhost",
	}},
	{"broker-unverified", func(s *scene) {
		s.change(`brokers: ["one:9092", "two:9092"]`, `brokers: ["one:9092", "two:9092"], tls: { insecure_skip_verify: true }`)
	}, []string{"warning broker-unverified lake/ brokers.lake.kafka.tls: any certificate is accepted | take insecure_skip_verify out"}},
	{"broker-not-looked-at: in memory", func(s *scene) {
		s.change(`shop: { amqp: { url: "amqp://bridge:secret@rabbit:5672/" } }`, "shop: { memory: {} }")
		s.change("exchange: events, routing_key: a.b", "queue: events")
	}, []string{"note broker-not-looked-at shop/ brokers.shop: it is in memory, and begins with the process"}},
	{"broker-not-looked-at: a topic of the message's own", func(s *scene) { s.change("topic: orders", "topic: header.to") }, []string{
		"note broker-not-looked-at lake/in routes[0].to.topic: each message names the topic (header.to)",
	}},

	{"amqp-management: away", func(s *scene) {
		s.rabbit().Management.Err = errors.New("refused")
		s.rabbit().Rights, s.rabbit().Queues["orders"].Details, s.rabbit().Exchanges["events"].Details = nil, nil, nil
	}, []string{"note amqp-management shop/ brokers.shop.amqp.management: http://rabbit:15672: refused. Not checked: permissions, …consumes | rabbitmq-plugins enable rabbitmq_management"}},
	{"amqp-management: hidden", func(s *scene) {
		s.rabbit().Rights, s.rabbit().Management.Hidden = nil, []string{"permissions: needs a tag"}
	}, []string{
		"note amqp-management shop/ brokers.shop.amqp.management: http://rabbit:15672 does not tell all. Not checked: permissions: needs a tag | give doctor a user with the tag administrator, which changes nothing: management: \"http://USER:${file:/run/secrets/password}@HOST:15672\"",
	}},
	{"amqp-management: encrypted", func(s *scene) {
		s.rabbit().Rights, s.rabbit().User = nil, ""
		s.rabbit().Management = survey.Management{URL: "https://rabbit:15671", Err: errors.New("refused")}
	}, []string{`…management: "https://USER:${file:/run/secrets/password}@HOST:15671"`}},
	{"amqp-alarm", func(s *scene) { s.rabbit().Alarms = []string{"memory on rabbit@a"} }, []string{
		"warning amqp-alarm shop/ brokers.shop: there is an alarm: memory on rabbit@a | rabbitmq-diagnostics alarms",
	}},
	{"amqp-queue-missing", func(s *scene) { s.rabbit().Queues["orders"] = &survey.Queue{Missing: true} }, []string{
		`error amqp-queue-missing shop/in routes[0].from.queue: queue "orders" is missing, for the source of the route | add declare: true to the route's "from"`,
	}},
	{"amqp-queue-missing: declared, without the right to", func(s *scene) {
		s.change("queue: orders", "queue: orders, declare: true")
		s.rabbit().Queues["orders"] = &survey.Queue{Missing: true}
	}, []string{
		`error amqp-permission shop/in routes[0].from.queue: user "bridge" may not configure "orders" in virtual host "/" (its pattern is "^$") | rabbitmqctl set_permissions bridge '^orders$' '.*' '.*'`,
		`note amqp-queue-missing shop/in routes[0].from.queue: queue "orders" is missing; the route creates it when it starts (declare)`,
	}},
	{"amqp-exchange-missing", func(s *scene) { s.rabbit().Exchanges["events"] = &survey.Exchange{Missing: true} }, []string{
		`error amqp-exchange-missing shop/out routes[1].to.exchange: exchange "events" is missing, for the target of the route`,
	}},
	{"amqp-exchange-missing: declared", func(s *scene) {
		s.change("exchange: events,", "exchange: events, declare: true,")
		s.rabbit().Exchanges["events"] = &survey.Exchange{Missing: true}
		s.rabbit().Rights.Configure = ".*"
	}, []string{`note amqp-exchange-missing shop/out routes[1].to.exchange: exchange "events" is missing; the route creates it`}},
	{"amqp-unroutable", func(s *scene) { s.exchange().Bindings = []survey.Binding{{Key: "a.b.*", To: "q"}, {Key: "b", To: "q"}} }, []string{
		`error amqp-unroutable shop/out routes[1].to.routing_key: exchange "events" (topic) has no binding for "a.b"; it routes "a.b.*", "b" | rabbitmqadmin declare binding source=events destination=QUEUE routing_key=a.b`,
	}},
	{"amqp-unroutable: any number of words", func(s *scene) { s.exchange().Bindings = []survey.Binding{{Key: "#.a.#.b.#", To: "q"}} }, nil},
	{"amqp-unroutable: some words first", func(s *scene) { s.exchange().Bindings = []survey.Binding{{Key: "#.b", To: "q"}} }, nil},
	{"amqp-unroutable: one word each", func(s *scene) { s.exchange().Bindings = []survey.Binding{{Key: "*.*", To: "q"}} }, nil},
	{"amqp-unroutable: direct", func(s *scene) {
		s.exchange().Type, s.exchange().Bindings = "direct", []survey.Binding{{Key: "a.*", To: "q"}}
	}, []string{`error amqp-unroutable shop/out routes[1].to.routing_key: exchange "events" (direct) has no binding for "a.b"`}},
	{"amqp-unroutable: no bindings", func(s *scene) { s.exchange().Bindings = nil }, []string{
		`error amqp-unroutable shop/out routes[1].to.routing_key: exchange "events" has no bindings |`,
	}},
	{"amqp-unroutable: no bindings, and a key per message", func(s *scene) {
		s.exchange().Bindings, s.rabbit().VHost = nil, "eu west"
		s.change("routing_key: a.b", "routing_key: header.to")
	}, []string{
		`error amqp-unroutable …| rabbitmqadmin -V 'eu west' declare binding source=events destination=QUEUE routing_key=KEY`,
	}},
	{"amqp-unroutable: alternate", func(s *scene) { s.exchange().Bindings, s.exchange().Alternate = nil, "rest" }, []string{
		`note amqp-unroutable shop/out routes[1].to.routing_key: what exchange "events" does not route goes to its alternate exchange "rest"`,
	}},
	{"amqp-unroutable: the message's own", func(s *scene) { s.change("routing_key: a.b", "routing_key: header.to") }, []string{
		`note amqp-unroutable shop/out routes[1].to.routing_key: each message names its routing key (header.to); exchange "events" routes "a.#"`,
	}},
	{"amqp-unroutable: headers", func(s *scene) { s.exchange().Type = "headers" }, []string{
		`note amqp-unroutable shop/out routes[1].to.routing_key: what an exchange of type "headers" routes cannot be told beforehand`,
	}},
	{"amqp-permission", func(s *scene) { s.rabbit().Rights = &survey.Permissions{Configure: "", Write: "", Read: "^x"} }, []string{
		`error amqp-permission shop/in routes[0].from.queue: user "bridge" may not read "orders" in virtual host "/" (its pattern is "^x") | rabbitmqctl set_permissions bridge '' '' '^x|^orders$'`,
		`error amqp-permission shop/out routes[1].to.exchange: user "bridge" may not write "events" in virtual host "/" (its pattern is "") | rabbitmqctl set_permissions bridge '' '^events$' '^x'`,
	}},
	{"amqp-permission: the default exchange", func(s *scene) {
		s.change("exchange: events, routing_key: a.b", "queue: orders")
		s.rabbit().Rights.Write = "^orders$"
	}, []string{`error amqp-permission shop/out routes[1].to.queue: user "bridge" may not write "amq.default" in virtual host "/"`}},
	{"amqp-permission: locked", func(s *scene) {
		s.rabbit().Queues["orders"].Denied, s.rabbit().Queues["orders"].Err = true, errors.New("RESOURCE_LOCKED")
		s.rabbit().Exchanges["events"].Denied, s.rabbit().Exchanges["events"].Err = true, errors.New("ACCESS_REFUSED")
	}, []string{
		`error amqp-permission shop/in routes[0].from.queue: RESOURCE_LOCKED`,
		`error amqp-permission shop/out routes[1].to.exchange: ACCESS_REFUSED | rabbitmqctl list_permissions`,
	}},
	{"broker-unreachable: no answer about a queue and an exchange", func(s *scene) {
		s.rabbit().Queues["orders"].Err, s.rabbit().Exchanges["events"].Err = errors.New("INTERNAL_ERROR"), errors.New("closed")
	}, []string{
		`error broker-unreachable shop/in routes[0].from.queue: INTERNAL_ERROR | rabbitmqctl list_queues name state`,
		`error broker-unreachable shop/out routes[1].to.exchange: closed | rabbitmqctl list_exchanges name type`,
	}},
	{"broker-unreachable: Kafka, in the end", func(s *scene) {
		s.kafka().Topics, s.kafka().Groups, s.kafka().Unasked = nil, nil, errors.New("the time was over")
	}, []string{
		`error broker-unreachable lake/ brokers.lake.kafka.brokers: not all was answered in time, and what was not is not judged: the time was over | check the way there`,
	}},

	{"amqp-delivery-limit: argument", func(s *scene) { s.queue().Arguments["x-delivery-limit"] = int64(3) }, []string{
		`warning amqp-delivery-limit shop/in routes[0].from.queue: RabbitMQ gives a message up after 3 returned deliveries (argument x-delivery-limit), and drops it: there is no dead-letter exchange | declare the queue anew`,
	}},
	{"amqp-delivery-limit: policy", func(s *scene) {
		s.queue().Policy, s.queue().PolicyName = map[string]any{"delivery-limit": int64(5), "dead-letter-exchange": "dlx"}, "theirs"
	}, []string{
		`note amqp-delivery-limit shop/in routes[0].from.queue: RabbitMQ gives a message up after 5 returned deliveries (policy delivery-limit); it goes to the dead-letter exchange | add "delivery-limit": 1000000 to the policy theirs that the queue has`,
		`note amqp-dead-lettering shop/in`,
	}},
	{"amqp-delivery-limit: the lower one", func(s *scene) {
		s.queue().Arguments["x-delivery-limit"] = int64(9)
		s.queue().Policy = map[string]any{"delivery-limit": int64(7)}
	}, []string{`warning amqp-delivery-limit shop/in routes[0].from.queue: RabbitMQ gives a message up after 7 returned deliveries (policy delivery-limit)`}},
	{"amqp-delivery-limit: the default of 4.0", func(s *scene) { s.rabbit().Version = "4.0.2" }, []string{
		`warning amqp-delivery-limit shop/in routes[0].from.queue: RabbitMQ gives a message up after 20 returned deliveries (the default of RabbitMQ 4), and drops it: there is no dead-letter exchange | rabbitmqctl set_policy --apply-to quorum_queues bridge-orders '^orders$' '{"delivery-limit":-1}'`,
	}},
	{"amqp-delivery-limit: before 3.12, of a queue with a dot and a virtual host", func(s *scene) {
		s.rabbit().Version, s.rabbit().VHost = "3.11.2", "eu"
		s.change("queue: orders", "queue: a.b")
		s.rabbit().Queues["a.b"] = s.rabbit().Queues["orders"]
		s.queue().Arguments["x-delivery-limit"] = int64(3)
	}, []string{`…because a policy only lowers it; then: rabbitmqctl set_policy -p eu --apply-to queues bridge-a.b '^a\.b$' '{"delivery-limit":1000000}'`}},
	{"amqp-delivery-limit: with a length, one policy for both", func(s *scene) {
		s.rabbit().Version = "4.0.2"
		s.queue().Arguments["x-max-length"] = int64(10)
	}, []string{
		`warning amqp-delivery-limit …| rabbitmqctl set_policy --apply-to quorum_queues bridge-orders '^orders$' '{"delivery-limit":-1,"overflow":"reject-publish"}'`,
		`warning amqp-expiry …| rabbitmqctl set_policy --apply-to quorum_queues bridge-orders '^orders$' '{"delivery-limit":-1,"overflow":"reject-publish"}'`,
	}},
	{"amqp-delivery-limit: an argument beside a negative policy", func(s *scene) {
		s.rabbit().Version = "4.0.2"
		s.queue().Arguments["x-delivery-limit"] = int64(5)
		s.queue().Policy = map[string]any{"delivery-limit": int64(-1)}
	}, []string{`warning amqp-delivery-limit …after 5 returned deliveries (argument x-delivery-limit), …| declare the queue anew without x-delivery-limit, because a policy only lowers it`}},
	{"amqp-delivery-limit: a policy beside a negative argument", func(s *scene) {
		s.rabbit().Version = "4.0.2"
		s.queue().Arguments["x-delivery-limit"] = int64(-1)
		s.queue().Policy = map[string]any{"delivery-limit": int64(5)}
	}, []string{`warning amqp-delivery-limit …after 5 returned deliveries (policy delivery-limit), …| add "delivery-limit": -1 to the policy that the queue has`}},
	{"amqp-delivery-limit: 4.3", func(s *scene) { s.rabbit().Version = "4.3.0" }, []string{
		`warning amqp-delivery-limit shop/in routes[0].from.queue: RabbitMQ gives a message up after 20 returned deliveries (the default of RabbitMQ 4); since 4.3 a nack does not count, a lost channel does, and drops it`,
	}},
	{"amqp-delivery-limit: none in 4.0", func(s *scene) {
		s.rabbit().Version = "4.1.0"
		s.queue().Policy = map[string]any{"delivery-limit": int64(-1)}
	}, nil},
	{"amqp-consumer-timeout: argument", func(s *scene) { s.queue().Arguments["x-consumer-timeout"] = int64(60000) }, []string{
		`warning amqp-consumer-timeout shop/in routes[0].from.queue: RabbitMQ waits 1m0s for an acknowledgement (argument x-consumer-timeout), the bridge may hold a message for 1m10s | consumer_timeout = 1800000 in rabbitmq.conf`,
	}},
	{"amqp-consumer-timeout: long enough", func(s *scene) { s.queue().Arguments["x-consumer-timeout"] = int64(70001) }, nil},
	{"amqp-consumer-timeout: hold", func(s *scene) {
		s.change("first: 1 }", "first: 1, gap: { hold: 40m, timeout: 1h } }")
	}, []string{`warning amqp-consumer-timeout shop/in routes[0].from.queue: RabbitMQ waits 30m0s for an acknowledgement (the default; what rabbitmq.conf says is not told), the bridge may hold a message for 40m10s | consumer_timeout = 4820000`}},
	{"amqp-consumer-timeout: classic, since 4.3", func(s *scene) {
		s.rabbit().Version, s.queue().Type = "4.3.1", "classic"
		s.queue().Arguments["x-consumer-timeout"] = int64(60000)
	}, nil},
	{"amqp-expiry", func(s *scene) {
		s.queue().Arguments["x-message-ttl"] = int64(5000)
		s.queue().Policy = map[string]any{"expires": int64(1000), "max-length": int64(10)}
	}, []string{
		`warning amqp-expiry shop/in routes[0].from.queue: a message is removed after 5s (argument x-message-ttl)`,
		`warning amqp-expiry shop/in routes[0].from.queue: the queue is deleted when nobody has used it for 1s (policy expires)`,
		`warning amqp-expiry shop/in routes[0].from.queue: the oldest messages are removed beyond 10 messages (policy max-length) | add "overflow": "reject-publish" to the policy that the queue has`,
	}},
	{"amqp-expiry: a length that refuses", func(s *scene) {
		s.queue().Policy = map[string]any{"max-length": int64(10), "overflow": "reject-publish"}
	}, nil},
	{"amqp-overflow", func(s *scene) {
		s.writeToQueue(map[string]any{"x-max-length-bytes": int64(1 << 20), "x-message-ttl": int64(60000)})
	}, []string{
		`warning amqp-overflow shop/out routes[1].to.queue: a message that nobody reads is removed after 1m0s (argument x-message-ttl)`,
		`warning amqp-overflow shop/out routes[1].to.queue: the oldest messages are removed beyond 1 MiB (argument x-max-length-bytes) | set "overflow"`,
	}},
	{"amqp-overflow: refused", func(s *scene) {
		s.writeToQueue(map[string]any{"x-max-length": int64(1), "x-overflow": "reject-publish"})
	}, []string{`note amqp-overflow shop/out routes[1].to.queue: RabbitMQ refuses what comes beyond 1 message (argument x-max-length); the route waits meanwhile`}},
	{"amqp-dead-lettering", func(s *scene) {
		s.queue().Arguments["x-dead-letter-exchange"], s.queue().Arguments["x-dead-letter-routing-key"] = "", "grave"
	}, []string{`note amqp-dead-lettering shop/in routes[0].from.queue: what RabbitMQ gives up goes to the default exchange with routing key "grave"`}},
	{"amqp-priority: revision", func(s *scene) { s.queue().Arguments["x-max-priority"] = int64(10) }, []string{
		`note amqp-priority shop/in routes[0].from.queue: the queue has priorities (x-max-priority 10) | a larger order.gap.hold`,
	}},
	{"amqp-priority: arrival", func(s *scene) {
		s.queue().Arguments["x-max-priority"] = int64(10)
		s.change("order: { by: revision, key: header.key, revision: header.revision, first: 1 }", "order: { by: arrival, key: header.key }")
	}, []string{`warning amqp-priority shop/in routes[0].from.queue: the queue has priorities (x-max-priority 10) | read a queue without`}},
	{"amqp-other-consumers", func(s *scene) {
		s.rabbit().Queues["orders"].Consumers = 1
		s.queue().Readers = []survey.Reader{{Connection: "10.0.0.7:1", Tag: "billing"}}
	}, []string{`error amqp-other-consumers shop/in routes[0].from.queue: consumed by "billing" on 10.0.0.7:1 | stop it`}},
	{"amqp-other-consumers: another bridge", func(s *scene) {
		s.queue().Readers = []survey.Reader{{Connection: "10.0.0.7:1", Tag: "bridge-in-abc-1"}}
	}, []string{`error amqp-other-consumers shop/in routes[0].from.queue: a consumer of this route is there, and no bridge runs on this store`}},
	{"amqp-other-consumers: of another route", func(s *scene) {
		s.queue().Readers = []survey.Reader{{Tag: "bridge-other-abc-1"}}
	}, []string{`error amqp-other-consumers shop/in routes[0].from.queue: consumed by "bridge-other-abc-1" | stop it`}},
	{"amqp-other-consumers: of a route whose name begins so", func(s *scene) {
		s.change("name: out", "name: in-v2")
		s.queue().Readers = []survey.Reader{{Tag: "bridge-in-v2-abc-1"}}
	}, []string{`error amqp-other-consumers shop/in routes[0].from.queue: consumed by "bridge-in-v2-abc-1" | stop it`}},
	{"amqp-other-consumers: without an order", func(s *scene) {
		s.rabbit().Queues["orders"].Consumers = 2
		s.change("order: { by: revision, key: header.key, revision: header.revision, first: 1 }", "order: { by: none }")
	}, []string{`note amqp-other-consumers shop/in routes[0].from.queue: it has 2 consumers | stop it`}},
	{"amqp-single-active", func(s *scene) { s.queue().Arguments["x-single-active-consumer"] = true }, []string{
		`note amqp-single-active shop/in routes[0].from.queue: the queue has x-single-active-consumer`,
	}},
	{"amqp-stream", func(s *scene) { s.queue().Type = "stream" }, []string{
		`error amqp-stream shop/in routes[0].from.queue: the queue is a stream | read a quorum queue`,
	}},
	{"amqp-transient", func(s *scene) {
		s.queue().Durable, s.queue().AutoDelete, s.queue().Exclusive = false, true, true
		s.exchange().Durable, s.exchange().AutoDelete = false, true
	}, []string{
		`warning amqp-transient shop/in routes[0].from.queue: queue "orders" is not durable, deleted with its last consumer, exclusive to the connection that declared it`,
		`warning amqp-transient shop/out routes[1].to.exchange: exchange "events" is not durable, deleted with its last binding`,
	}},

	{"kafka-seed, kafka-advertised", func(s *scene) {
		s.kafka().Seeds[1].Trouble = &survey.Trouble{Kind: survey.Refused, Err: errors.New("refused")}
		s.kafka().Nodes[0].Trouble = &survey.Trouble{Kind: survey.DNS, Err: errors.New("no such host")}
	}, []string{
		"error kafka-advertised lake/ brokers.lake.kafka.brokers: one:9092, where the cluster says a broker is: no such host | set advertised.listeners",
		"warning kafka-seed lake/ brokers.lake.kafka.brokers: two:9092: refused | start that broker",
	}},
	{"kafka-topic-missing", func(s *scene) { s.kafka().Topics["orders"] = &survey.Topic{Missing: true} }, []string{
		`error kafka-topic-missing lake/in routes[0].to.topic: topic "orders" is missing, for the target of the route | kafka-topics.sh --bootstrap-server one:9092,two:9092 --create --topic orders --partitions 6, or declare: { partitions: 6 } in the route's "to"`,
	}},
	{"kafka-topic-missing: declared", func(s *scene) {
		s.change("topic: orders", "topic: orders, declare: true")
		s.kafka().Topics["orders"] = &survey.Topic{Missing: true}
	}, []string{`note kafka-topic-missing lake/in routes[0].to.topic: topic "orders" is missing; the route creates it`}},
	{"kafka-permission", func(s *scene) {
		s.target().Rights = []string{"DESCRIBE", "READ"}
		s.kafka().Topics["events"] = &survey.Topic{Denied: true}
		s.group().Denied = true
	}, []string{
		`error kafka-permission lake/in routes[0].to.topic: user ANONYMOUS may not WRITE topic "orders" | kafka-acls.sh --bootstrap-server one:9092,two:9092 --add --allow-principal User:ANONYMOUS --operation WRITE --operation Describe --topic orders`,
		`error kafka-permission lake/out routes[1].from.topic: user ANONYMOUS may not READ topic "events"`,
		`error kafka-permission lake/out routes[1].from.group: user ANONYMOUS may not READ group "readers"`,
	}},
	{"kafka-permission: with a certificate", func(s *scene) {
		s.change(`"two:9092"]`, `"two:9092"], tls: { cert: c.pem, key: k.pem }`)
		s.target().Rights = []string{"DESCRIBE"}
	}, []string{`error kafka-permission …the subject of tls.cert may not WRITE topic "orders" |… --allow-principal User:'SUBJECT-OF-tls.cert' `}},
	{"kafka-permission: with a token", func(s *scene) {
		s.change(`"two:9092"]`, `"two:9092"], tls: true, sasl: { mechanism: oauthbearer, token: t }`)
		s.target().Rights = []string{"DESCRIBE"}
	}, []string{`error kafka-permission …the subject of the token may not WRITE topic "orders" |… --allow-principal User:SUBJECT-OF-THE-TOKEN `}},
	{"kafka-settings", func(s *scene) {
		s.kafka().Settings, s.kafka().SettingsErr = nil, errors.New("denied")
		s.target().Settings, s.target().SettingsErr = nil, errors.New("denied")
	}, []string{
		"note kafka-settings lake/ brokers.lake: those of the brokers are not told: denied | kafka-acls.sh --bootstrap-server one:9092,two:9092 --add --allow-principal User:ANONYMOUS --operation DescribeConfigs --cluster",
		`note kafka-settings lake/in routes[0].to.topic: those of topic "orders" are not told: denied`,
	}},
	{"kafka-leaderless", func(s *scene) { s.source().Leaderless = 2 }, []string{
		"error kafka-leaderless lake/out routes[1].from.topic: 2 of 6 partitions have no leader",
	}},
	{"kafka-min-insync: more than there are", func(s *scene) { s.target().Settings["min.insync.replicas"] = "4" }, []string{
		"warning kafka-min-insync lake/in routes[0].to.topic: min.insync.replicas is 4 of 3 replicas: Kafka counts no more than there are | kafka-configs.sh --bootstrap-server one:9092,two:9092 --alter --topic orders --add-config min.insync.replicas=2",
	}},
	{"kafka-min-insync: more than there are, before 3.7", func(s *scene) {
		s.target().Settings["min.insync.replicas"], s.kafka().Version = "4", "between v3.5 and v3.6"
	}, []string{
		"error kafka-min-insync lake/in routes[0].to.topic: min.insync.replicas is 4 of 3 replicas: before 3.7 Kafka refuses every record for that | kafka-configs.sh",
	}},
	{"kafka-min-insync: more than there are, and one is away", func(s *scene) {
		s.target().Settings["min.insync.replicas"], s.target().InSync = "4", 2
	}, []string{
		"error kafka-min-insync lake/in routes[0].to.topic: min.insync.replicas is 4, and 2 replicas in sync now | start the brokers",
	}},
	{"kafka-min-insync: now", func(s *scene) { s.target().InSync = 1 }, []string{
		"error kafka-min-insync lake/in routes[0].to.topic: min.insync.replicas is 2, and 1 replica in sync now | start the brokers",
	}},
	{"kafka-replication: one", func(s *scene) { s.source().Replicas, s.source().InSync = 1, 1 }, []string{
		"note kafka-replication lake/out routes[1].from.topic: each record has 1 replica | a topic with 3 replicas",
	}},
	{"kafka-replication: confirmed by one", func(s *scene) { s.target().Settings["min.insync.replicas"] = "1" }, []string{
		"note kafka-replication lake/in routes[0].to.topic: min.insync.replicas is 1 of 3",
	}},
	{"kafka-retention", func(s *scene) {
		s.source().Settings["retention.ms"], s.source().Settings["retention.bytes"] = "3600000", "1048576"
		s.kafka().Settings["offsets.retention.minutes"] = "2880"
	}, []string{
		"warning kafka-retention lake/out routes[1].from.topic: a record is deleted after 1h0m0s | kafka-configs.sh --bootstrap-server one:9092,two:9092 --alter --topic events --add-config retention.ms=604800000",
		"warning kafka-retention lake/out routes[1].from.topic: the oldest records of a partition are deleted beyond 1 MiB (retention.bytes)",
		"note kafka-retention lake/out routes[1].from.topic: Kafka forgets the offsets of a group that nobody is in after 48h0m0s",
	}},
	{"kafka-retention: compacted only", func(s *scene) {
		s.source().Settings["retention.ms"], s.source().Settings["cleanup.policy"] = "1", "compact"
		s.change("order: { by: revision, key: message_key, revision: header.revision, first: 1 }", "order: { by: none }")
	}, []string{"note kafka-compacted lake/out routes[1].from.topic: cleanup.policy is compact |"}},
	{"kafka-compacted: source", func(s *scene) { s.source().Settings["cleanup.policy"] = "compact,delete" }, []string{
		"warning kafka-compacted lake/out routes[1].from.topic: cleanup.policy is compact,delete, of a source with an order",
	}},
	{"kafka-compacted: target", func(s *scene) { s.target().Settings["cleanup.policy"] = "compact" }, []string{
		"note kafka-compacted lake/in routes[0].to.topic: cleanup.policy is compact: of each key readers find the last record only",
	}},
	{"kafka-compacted: target without keys", func(s *scene) {
		s.target().Settings["cleanup.policy"] = "compact"
		s.change("order: { by: revision, key: header.key, revision: header.revision, first: 1 }", "order: { by: none }")
	}, []string{"warning kafka-compacted lake/in routes[0].to.topic: cleanup.policy is compact, and the route has no key of its own"}},
	{"kafka-unclean", func(s *scene) { s.target().Settings["unclean.leader.election.enable"] = "true" }, []string{
		"warning kafka-unclean lake/in routes[0].to.topic: unclean.leader.election.enable is true",
	}},
	{"kafka-timestamps", func(s *scene) { s.target().Settings["message.timestamp.type"] = "LogAppendTime" }, []string{
		"note kafka-timestamps lake/in routes[0].to.topic: message.timestamp.type is LogAppendTime",
	}},
	{"kafka-auto-create", func(s *scene) { s.kafka().Settings["auto.create.topics.enable"] = "true" }, []string{
		"note kafka-auto-create lake/ brokers.lake: auto.create.topics.enable is true",
	}},
	{"kafka-session-timeout: below", func(s *scene) { s.kafka().Settings["group.min.session.timeout.ms"] = "60000" }, []string{
		"error kafka-session-timeout lake/out routes[1].from.group: the bridge asks for 30s, the brokers take 1m0s to 30m0s | group.min.session.timeout.ms=30000",
	}},
	{"kafka-session-timeout: above", func(s *scene) { s.kafka().Settings["group.max.session.timeout.ms"] = "10000" }, []string{
		"error kafka-session-timeout lake/out routes[1].from.group: the bridge asks for 30s, the brokers take 6s to 10s | group.max.session.timeout.ms=30000",
	}},
	{"kafka-session-timeout: by the brokers", func(s *scene) {
		s.kafka().Settings["group.max.session.timeout.ms"] = "10000"
		s.change("group: readers", "group: readers, protocol: consumer")
	}, nil},
	{"kafka-coordinator", func(s *scene) { s.group().Err = errors.New("COORDINATOR_NOT_AVAILABLE") }, []string{
		"error kafka-coordinator lake/out routes[1].from.group: COORDINATOR_NOT_AVAILABLE",
	}},
	{"kafka-coordinator: offsets", func(s *scene) { s.group().OffsetsErr = errors.New("no answer") }, []string{
		"error kafka-coordinator lake/out routes[1].from.group: no answer",
	}},
	{"kafka-group-in-use", func(s *scene) {
		s.group().Members = []survey.Member{{Client: "billing", Host: "/10.0.0.7", Instance: "b-1"}}
	}, []string{
		`error kafka-group-in-use lake/out routes[1].from.group: group "readers" has client "billing" at 10.0.0.7 (instance "b-1") | stop it, or give the route a group of its own: group: bridge-out`,
	}},
	{"kafka-group-in-use: another bridge", func(s *scene) {
		s.group().Members = []survey.Member{{Client: "bridge-out", Host: "/10.0.0.7", Instance: "bridge-out-abc-x"}}
	}, []string{"error kafka-group-in-use lake/out routes[1].from.group: a member of this route is there, and no bridge runs on this store"}},
	{"kafka-group-in-use: without an order", func(s *scene) {
		s.group().Members = []survey.Member{{Client: "billing", Host: "/10.0.0.7"}}
		s.change("order: { by: revision, key: message_key, revision: header.revision, first: 1 }", "order: { by: none }")
	}, []string{`note kafka-group-in-use lake/out`}},
	{"kafka-offsets", func(s *scene) {
		s.group().Offsets = []survey.Offset{{Partition: 0, At: 5, Start: 5, End: 5}, {Partition: 1, At: 4, Start: 5, End: 9}, {Partition: 2, At: 10, Start: 0, End: 9}}
	}, []string{`error kafka-offsets lake/out routes[1].from.group: group "readers" goes on where the topic has nothing: partition 1: 4, outside of 5 to 9; partition 2: 10, outside of 0 to 9`}},
	{"kafka-start-latest", func(s *scene) { s.change("group: readers", "group: readers, start: latest") }, []string{
		`note kafka-start-latest lake/out routes[1].from.start: group "readers" has no offsets in this topic`,
	}},

	{"order-source: the whole source", func(s *scene) {
		s.change("order: { by: revision, key: message_key, revision: header.revision, first: 1 }", "order: { by: arrival }")
	}, []string{"error order-source lake/out routes[1].from.topic: the topic has 6 partitions, and the route keeps the order of the whole source"}},
	{"order-source: arrival", func(s *scene) {
		s.change("order: { by: revision, key: message_key, revision: header.revision, first: 1 }", "order: { by: arrival, key: json.id }")
	}, []string{"warning order-source lake/out routes[1].from.topic: the topic has 6 partitions, and the key of the order is json.id, not the record key"}},
	{"order-source: revision", func(s *scene) { s.change("key: message_key", "key: json.id") }, []string{
		"note order-source lake/out routes[1].from.topic: the topic has 6 partitions, and the key of the order is json.id",
	}},
	{"order-source: one partition", func(s *scene) {
		s.source().Partitions = 1
		s.change("order: { by: revision, key: message_key, revision: header.revision, first: 1 }", "order: { by: arrival }")
	}, nil},
	{"order-source: several by arrival", func(s *scene) {
		s.change("from: { broker: shop, queue: orders }", "from: [{ broker: shop, queue: orders }, { broker: shop, queue: other }]")
		s.change("order: { by: revision, key: header.key, revision: header.revision, first: 1 }", "order: { by: arrival, key: header.key }")
	}, []string{"warning order-source shop/in routes[0].from: the route reads 2 sources by arrival"}},
	{"order-target: another key", func(s *scene) { s.change("topic: orders", "topic: orders, key: header.other") }, []string{
		"warning order-target lake/in routes[0].to.key: the topic has 6 partitions, and the record key is header.other, while the key of the order is header.key",
	}},
	{"order-target: without a key", func(s *scene) {
		s.change("order: { by: revision, key: header.key, revision: header.revision, first: 1 }", "order: { by: arrival }")
	}, []string{"warning order-target lake/in routes[0].to.topic: the topic has 6 partitions, and the order of the route is without a key"}},
	{"size-limit: from RabbitMQ", func(s *scene) { s.target().Settings["max.message.bytes"] = "1048588" }, []string{
		"note size-limit lake/in routes[0].to.topic: the source may hold messages of 128 MiB (the default max_message_size of RabbitMQ 3.13.7), the target takes 1048588 bytes (max.message.bytes of the topic), headers included | kafka-configs.sh …max.message.bytes=134217728",
	}},
	{"size-limit: no more than the bridge sends", func(s *scene) {
		s.target().Settings["max.message.bytes"], s.kafka().LargestRecord = "1048588", 100<<20-64<<10
	}, []string{"note size-limit …| kafka-configs.sh …max.message.bytes=104792064"}},
	{"size-limit: to RabbitMQ", func(s *scene) {
		s.source().Settings["max.message.bytes"] = "33554432"
		s.rabbit().Version = "4.1.0"
		s.queue().Policy = map[string]any{"delivery-limit": int64(-1)}
	}, []string{
		"warning size-limit shop/out routes[1].to.exchange: the source may hold messages of 32 MiB (max.message.bytes of the topic), the target takes 16 MiB (the default max_message_size of RabbitMQ 4.1.0)",
	}},
	{"size-limit: what the bridge sends", func(s *scene) { s.kafka().LargestRecord = 100 << 20 }, []string{
		"note size-limit lake/in routes[0].to.topic: the source may hold messages of 128 MiB (the default max_message_size of RabbitMQ 3.13.7), the target takes 100 MiB (what the bridge sends)",
	}},

	{"store-memory", func(s *scene) {
		s.change(`store: { pebble: { dir: "DIR" }, min_free: MINFREE }`, "store: { memory: {} }")
	}, []string{
		"warning store-memory / store: the store is in memory | store: { pebble:",
	}},
	{"store-new", func(*scene) {}, []string{"note store-new / store.pebble.dir: there is no store in DIR; the first start makes it"}},
	{"store-unwritable", func(s *scene) {
		must(os.WriteFile(filepath.Join(s.dir, "file"), nil, 0o600))
		s.dir = filepath.Join(s.dir, "file")
	}, []string{
		"error store-unwritable / store.pebble.dir: DIR is no directory",
		"error store-broken / store.pebble.dir: ",
	}},
	{"store-space: too little", func(s *scene) { s.change("MINFREE", "1000000GiB") }, []string{
		"error store-space / store.pebble.dir: …bytes are free, min_free is 1073741824000000",
	}},
	{"store-space: soon", func(s *scene) { s.change("MINFREE", fmt.Sprint(free(s.dir)*2/3)) }, []string{
		"warning store-space / store.pebble.dir: …bytes are free, and intake pauses at min_free",
	}},
	{"store-in-use", func(s *scene) { runOn(s.dir) }, []string{"note store-in-use / store.pebble.dir: "}},
	{"store-in-use: its consumer and member", func(s *scene) {
		runOn(s.dir)
		s.rabbit().Queues["orders"].Consumers = 1
		s.queue().Readers = []survey.Reader{{Connection: "10.0.0.7:1", Tag: "bridge-in-abc-1"}}
		s.group().Members = []survey.Member{{Client: "bridge-out", Host: "/10.0.0.7", Instance: "bridge-out-abc-x"}}
	}, []string{
		"note amqp-other-consumers shop/in routes[0].from.queue: a consumer of this route is there: the bridge that runs",
		"note kafka-group-in-use lake/out routes[1].from.group: a member of this route is there: the bridge that runs",
		"note store-in-use / store.pebble.dir: ",
	}},
	{"store-broken", func(s *scene) {
		closedStore(s.dir)
		manifests, err := filepath.Glob(filepath.Join(s.dir, "MANIFEST-*"))
		must(err)
		must(os.WriteFile(manifests[0], []byte("nonsense"), 0o600))
	}, []string{"error store-broken / store.pebble.dir: "}},
	{"store-format: newer or foreign", func(s *scene) {
		must(os.WriteFile(filepath.Join(s.dir, "CURRENT"), []byte("nonsense\n"), 0o600))
		must(os.WriteFile(filepath.Join(s.dir, "marker.manifest.000001.MANIFEST-000001"), nil, 0o600))
	}, []string{"error store-format / store.pebble.dir: "}},
	{"store-format: older", func(s *scene) {
		must(os.CopyFS(s.dir, os.DirFS("../../ordering/store/pebble/testdata/format4")))
	}, []string{"note store-format / store.pebble.dir: it has format …, and the start of the bridge makes it one of format "}},
	{"store-volatile", func(s *scene) { s.dir = inMemory(s.dir) }, []string{
		"warning store-volatile / store.pebble.dir: …is on a tmpfs",
	}},
	{"broker-version", func(*scene) {}, []string{
		`note broker-version shop/ brokers.shop: RabbitMQ 3.13.7, cluster "c", virtual host "/", user "bridge"`,
		`note broker-version lake/ brokers.lake: Kafka 4.1, by what it speaks, cluster "k", 1 broker`,
	}},
}

// writeToQueue has the second route write to a queue with arguments.
func (s *scene) writeToQueue(arguments map[string]any) {
	s.change("exchange: events, routing_key: a.b", "queue: events")
	s.rabbit().Queues["events"] = &survey.Queue{Details: &survey.QueueDetails{Type: "quorum", Durable: true, Arguments: arguments}}
}

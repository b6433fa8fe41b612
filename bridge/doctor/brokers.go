package doctor

import (
	"fmt"
	"strings"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
)

// brokers judges what concerns a broker as a whole.
func (e *examination) brokers() {
	for _, b := range e.file.Brokers {
		where := at{broker: b.Name, path: b.Path}
		if b.Memory != nil {
			e.add(where, Note, "broker-not-looked-at", "it is in memory, and begins with the process", "")
			continue
		}
		if tlsOf(b).InsecureSkipVerify {
			e.add(at{broker: b.Name, path: addressPath(b, "tls")}, Warning, "broker-unverified",
				"any certificate is accepted", "take insecure_skip_verify out, and name the authority: tls: { ca: FILE }")
		}
		s := e.surveys[b.Name]
		switch {
		case s.Trouble != nil:
			e.trouble(b, s.Trouble)
		case s.AMQP != nil:
			e.rabbit(b, s.AMQP)
		case s.Kafka != nil:
			e.cluster(b, s.Kafka)
		}
	}
}

func tlsOf(b config.Broker) config.TLS {
	switch {
	case b.AMQP != nil && b.AMQP.TLS != nil:
		return *b.AMQP.TLS
	case b.Kafka != nil && b.Kafka.TLS != nil:
		return *b.Kafka.TLS
	}
	return config.TLS{}
}

// addressPath is the path of a setting of the broker; "" is its address.
func addressPath(b config.Broker, setting string) string {
	kind, address := ".amqp.", "url"
	if b.Kafka != nil {
		kind, address = ".kafka.", "brokers"
	}
	if setting == "" {
		setting = address
	}
	return b.Path + kind + setting
}

// remedies are what each kind of trouble means, and what to do about it.
var remedies = map[survey.Kind]struct{ code, setting, says, do string }{
	survey.DNS:       {"broker-unreachable", "", "the name has no address", "check the name, from this machine: getent hosts HOST"},
	survey.Refused:   {"broker-unreachable", "", "nobody listens there", "start the broker, or correct the port"},
	survey.Silent:    {"broker-unreachable", "", "no answer in time", "check the way there, from this machine: nc -vz HOST PORT; --timeout 30s waits longer"},
	survey.Stranger:  {"broker-unreachable", "", "what answers there is something else", "check the port, and whether it wants to be spoken to encrypted (amqps://, tls: true)"},
	survey.Unknown:   {"broker-unreachable", "", "it cannot be asked", "check address, port and the broker's log"},
	survey.VHost:     {"amqp-vhost", "", "the virtual host is missing, or not for this user", "rabbitmqctl add_vhost VHOST, and rabbitmqctl set_permissions -p VHOST USER '' '.*' '.*'; or correct the path of url"},
	survey.Login:     {"broker-login", "", "user or password is refused", "check user and password; for RabbitMQ: rabbitmqctl authenticate_user USER"},
	survey.Authority: {"broker-tls", "tls", "the certificate is not of an authority that is trusted", "name the authority that has signed the certificate: tls: { ca: FILE }"},
	survey.Host:      {"broker-tls", "tls", "the certificate is for another name", "use a name that the certificate has, or say which one is right: tls: { server_name: NAME }"},
	survey.Expired:   {"broker-tls", "tls", "the certificate is not valid today", "have the certificate renewed; check this machine's clock: date -u"},
	survey.Plain:     {"broker-tls", "tls", "the other side does not encrypt", "use the port that encrypts, or none: amqp:// and no tls"},
	survey.Ours:      {"broker-tls", "tls", "the other side does not take our certificate, or wants one", "name one that is valid and of an authority that it trusts: tls: { cert: FILE, key: FILE }"},
	survey.Files:     {"broker-tls", "tls", "our own certificates cannot be read", "check that the files of tls are there, and that this user may read them"},
}

func (e *examination) trouble(b config.Broker, t *survey.Trouble) {
	r := remedies[t.Kind]
	if t.Kind == survey.Login && b.Kafka != nil {
		r.setting = "sasl"
	}
	e.add(at{broker: b.Name, path: addressPath(b, r.setting)}, Error, r.code, r.says+": "+t.Err.Error(), r.do)
}

func (e *examination) rabbit(b config.Broker, a *survey.AMQP) {
	where := at{broker: b.Name, path: b.Path}
	user := fmt.Sprintf("user %q", a.User)
	if a.User == "" {
		user = "the user of the certificate"
	}
	e.add(where, Note, "broker-version", fmt.Sprintf("%s %s, cluster %q, virtual host %q, %s", a.Product, a.Version, a.Cluster, a.VHost, user), "")
	switch m := a.Management; {
	case m.Err != nil:
		e.add(at{broker: b.Name, path: addressPath(b, "management")}, Note, "amqp-management",
			fmt.Sprintf("%s: %v. Not checked: permissions, alarms, bindings, policies and arguments of queues (delivery limits, expiry, lengths, dead-lettering, priorities, durability, types), who consumes",
				m.URL, m.Err),
			`rabbitmq-plugins enable rabbitmq_management, or say where it is: `+elsewhere(m.URL))
	case len(m.Hidden) > 0:
		e.add(at{broker: b.Name, path: addressPath(b, "management")}, Note, "amqp-management",
			fmt.Sprintf("%s does not tell all. Not checked: %s", m.URL, strings.Join(m.Hidden, "; ")),
			`give doctor a user with the tag administrator, which changes nothing: `+elsewhere(m.URL))
	}
	if len(a.Alarms) > 0 {
		e.add(where, Warning, "amqp-alarm", "there is an alarm: "+strings.Join(a.Alarms, ", "),
			"rabbitmq-diagnostics alarms; then free memory or disk of that node, or raise its limit")
	}
}

// elsewhere is a line of the file that says where the management interface is and
// who asks it: encrypted where it was looked for so.
func elsewhere(url string) string {
	scheme, port := "http", "15672"
	if strings.HasPrefix(url, "https:") {
		scheme, port = "https", "15671"
	}
	return fmt.Sprintf(`management: "%s://USER:${file:/run/secrets/password}@HOST:%s"`, scheme, port)
}

func (e *examination) cluster(b config.Broker, k *survey.Kafka) {
	where := at{broker: b.Name, path: b.Path}
	e.add(where, Note, "broker-version", fmt.Sprintf("Kafka %s, by what it speaks, cluster %q, %s", strings.TrimPrefix(k.Version, "v"), k.Cluster, count(len(k.Nodes), "broker")), "")
	for _, s := range k.Seeds {
		if s.Trouble != nil {
			e.add(at{broker: b.Name, path: addressPath(b, "")}, Warning, "kafka-seed", fmt.Sprintf("%s: %v", s.At, s.Trouble.Err),
				"start that broker, or take its address out of brokers")
		}
	}
	for _, n := range k.Nodes {
		if n.Trouble != nil {
			e.add(at{broker: b.Name, path: addressPath(b, "")}, Error, "kafka-advertised", fmt.Sprintf("%s, where the cluster says a broker is: %v", n.At, n.Trouble.Err),
				"set advertised.listeners of that broker to an address that this machine reaches")
		}
	}
	if k.Unasked != nil {
		e.add(at{broker: b.Name, path: addressPath(b, "")}, Error, "broker-unreachable", "not all was answered in time, and what was not is not judged: "+k.Unasked.Error(),
			remedies[survey.Silent].do)
	}
	if k.SettingsErr != nil {
		e.add(where, Note, "kafka-settings", fmt.Sprintf("those of the brokers are not told: %v", k.SettingsErr),
			allowing(b, "DescribeConfigs --cluster"))
	}
	if k.Settings["auto.create.topics.enable"] == "true" {
		e.add(where, Note, "kafka-auto-create", "auto.create.topics.enable is true", "auto.create.topics.enable=false in the settings of the brokers")
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// managed is a command against the virtual host of a RabbitMQ.
func managed(a *survey.AMQP, command string) string {
	if a.VHost == "/" {
		return "rabbitmqctl " + command
	}
	verb, rest, _ := strings.Cut(command, " ")
	return strings.TrimSpace("rabbitmqctl " + verb + " -p " + quoted(a.VHost) + " " + rest)
}

// quoted is a word of a shell's command line.
func quoted(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// bootstrap is where a command of Kafka finds the cluster.
func bootstrap(b config.Broker) string {
	return "--bootstrap-server " + strings.Join(b.Kafka.Brokers, ",")
}

package config

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

func brokersForm() strict.Form[[]Broker] {
	return strict.Dict[Broker]{
		Secretive: true,
		Item:      brokerForm(),
		Keys:      strict.Schema{Pattern: namePattern},
		Start: func(key string) (Broker, error) {
			if !isName(key) {
				return Broker{}, &strict.Mismatch{Want: wantName}
			}
			return Broker{Name: key, Client: ClientBridge}, nil
		},
	}
}

func brokerForm() strict.Form[Broker] {
	return strict.Object[Broker]{
		Secretive: true,
		Located:   func(b *Broker, path string) { b.Path = path },
		One:       []string{"amqp", "kafka", "memory"},
		Meant:     map[string]string{"rabbitmq": "amqp", "rabbit": "amqp", "url": "amqp", "brokers": "kafka"},
		Fields: []strict.Field[Broker]{
			strict.Opt("amqp", func(b *Broker) **AMQP { return &b.AMQP },
				strict.Ptr[AMQP]{Form: amqpForm(), Start: defaultAMQP}, "RabbitMQ, by AMQP 0-9-1."),
			strict.Opt("kafka", func(b *Broker) **Kafka { return &b.Kafka },
				strict.Ptr[Kafka]{Form: kafkaForm()}, "Kafka and what speaks its protocol."),
			strict.Opt("memory", func(b *Broker) **Memory { return &b.Memory }, memoryForm(),
				"A broker inside this process, for demos and tests."),
			strict.Opt("client", func(b *Broker) *Client { return &b.Client }, strict.Enum(ClientBridge, ClientWatermill),
				"The code that speaks to the broker: the bridge's own (default), or Watermill's stock client."),
		},
	}
}

func amqpForm() strict.Form[AMQP] {
	return strict.Object[AMQP]{
		Secretive: true,
		Meant:     map[string]string{"uri": "url", "address": "url", "host": "url", "auth": "auth_mechanism", "mechanism": "auth_mechanism"},
		Fields: []strict.Field[AMQP]{
			strict.Req("url", func(a *AMQP) *Secret { return &a.URL }, amqpURLForm(),
				"amqp://user:password@host:5672/vhost, or amqps:// for TLS. What of it is ${file:…} is read again for each connection."),
			strict.Opt("auth_mechanism", func(a *AMQP) *AuthMechanism { return &a.AuthMechanism }, strict.Enum(AuthPlain, AuthExternal),
				"How to log in: with user and password of the URL, or with the certificate of tls."),
			strict.Opt("heartbeat", func(a *AMQP) *time.Duration { return &a.Heartbeat }, heartbeatForm(),
				"How often both sides say that they are there, in whole seconds; a peer silent for two is taken for dead."),
			strict.Opt("tls", func(a *AMQP) **TLS { return &a.TLS }, tlsForm(),
				"Whom to trust and who we are, with an amqps:// URL."),
			strict.Opt("management", func(a *AMQP) *Secret { return &a.Management }, managementForm(),
				"http:// or https:// of RabbitMQ's management interface, which bridge doctor asks. Left out: port 15672 of the same host (15671, encrypted, with amqps://), with the login of url."),
		},
	}
}

// secretForm never passes on the error of the parser it uses, which quotes.
func secretForm(want string, valid func(string) bool) strict.Scalar[Secret] {
	return strict.Scalar[Secret]{
		Type: strict.Text, Want: want, Secret: true,
		Shape: strict.Schema{Type: "string", MinLength: 1},
		Parse: func(text string) (Secret, error) {
			if !valid(text) {
				return Secret{}, &strict.Mismatch{}
			}
			return NewSecret(text), nil
		},
		Changing: func(s Secret, again func() (string, error)) Secret {
			return NewFreshSecret(s.Reveal(), func() (string, error) {
				text, err := again()
				if err == nil && !valid(text) {
					err = errors.New("what the file holds now is not " + want)
				}
				return text, err
			})
		},
	}
}

func amqpURLForm() strict.Form[Secret] {
	return secretForm("a URL such as amqp://host:5672/vhost", func(text string) bool {
		u, err := url.Parse(text)
		return err == nil && u.Hostname() != "" && (u.Scheme == "amqp" || u.Scheme == "amqps") && !isHalf(u.User)
	})
}

// isHalf reports a password that is empty, as of a file that is.
func isHalf(login *url.Userinfo) bool {
	password, given := login.Password()
	return given && password == ""
}

func managementForm() strict.Form[Secret] {
	return secretForm("a URL such as http://host:15672", func(text string) bool {
		u, err := url.Parse(text)
		return err == nil && u.Hostname() != "" && (u.Scheme == "http" || u.Scheme == "https")
	})
}

func heartbeatForm() strict.Form[time.Duration] {
	s := strict.Duration(time.Second)
	parse := s.Parse
	s.Parse = func(text string) (time.Duration, error) {
		v, err := parse(text)
		if err == nil && v%time.Second != 0 {
			return 0, &strict.Mismatch{Want: "whole seconds", Hint: "AMQP counts heartbeats in seconds"}
		}
		return v, err
	}
	return s
}

func kafkaForm() strict.Form[Kafka] {
	return strict.Object[Kafka]{
		Secretive: true,
		Meant:     map[string]string{"bootstrap_servers": "brokers", "bootstrap.servers": "brokers", "addresses": "brokers", "hosts": "brokers"},
		Fields: []strict.Field[Kafka]{
			strict.Req("brokers", func(k *Kafka) *[]string { return &k.Brokers }, seedsForm{},
				"host:port addresses to start from: a list, or one text with commas."),
			strict.Opt("tls", func(k *Kafka) **TLS { return &k.TLS }, tlsForm(),
				"true, or whom to trust and who we are. Left out: not encrypted."),
			strict.Opt("sasl", func(k *Kafka) **SASL { return &k.SASL }, strict.Ptr[SASL]{Form: saslForm()},
				"A login."),
		},
	}
}

// seedsForm is a list of addresses, of which each text may be several.
type seedsForm struct{}

func (seedsForm) list() strict.List[[]string] {
	return strict.List[[]string]{Single: true, Item: strict.Scalar[[]string]{
		Type: strict.Text, Want: "host:port, as in 127.0.0.1:9092",
		Shape: strict.Schema{Type: "string", MinLength: 1},
		Parse: func(text string) ([]string, error) {
			seeds := strings.Split(text, ",")
			for i, s := range seeds {
				seeds[i] = strings.TrimSpace(s)
				if !isAddress(seeds[i]) {
					return nil, &strict.Mismatch{}
				}
			}
			return seeds, nil
		},
	}}
}

func (s seedsForm) Decode(d *strict.Decoder, n strict.Node, into *[]string) {
	var parts [][]string
	s.list().Decode(d, n, &parts)
	for _, p := range parts {
		*into = append(*into, p...)
	}
}

func (s seedsForm) Schema(*[]string) *strict.Schema { return s.list().Schema(nil) }

func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || strings.ContainsAny(host, " /@") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func tlsForm() strict.Form[*TLS] {
	object := strict.Object[TLS]{
		Meant: map[string]string{"verify": "insecure_skip_verify", "certificate": "cert", "insecure": "insecure_skip_verify"},
		Fields: []strict.Field[TLS]{
			strict.Opt("ca", func(t *TLS) *string { return &t.CA }, strict.String(),
				"A PEM file with the authorities to trust. Left out: the system's."),
			strict.Opt("cert", func(t *TLS) *string { return &t.Cert }, strict.String(),
				"A PEM file with our certificate; with key."),
			strict.Opt("key", func(t *TLS) *string { return &t.Key }, strict.String(),
				"A PEM file with our private key; with cert."),
			strict.Opt("server_name", func(t *TLS) *string { return &t.ServerName }, strict.String(),
				"The name expected in the server's certificate. Left out: the host dialled."),
			strict.Opt("insecure_skip_verify", func(t *TLS) *bool { return &t.InsecureSkipVerify }, strict.Flag(),
				"Accept any certificate: encrypted, but to whom?"),
		},
	}
	on := func(t **TLS) { *t = &TLS{} }
	return strict.Or[*TLS]{
		Form:  strict.Ptr[TLS]{Form: object},
		Words: []strict.Word[*TLS]{{Text: "true", Set: on}, {Text: "false", Set: func(t **TLS) { *t = nil }}},
		Want:  "true, false or a mapping ({ ca: … })",
	}
}

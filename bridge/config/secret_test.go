package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// hiding holds a secret where package fmt cannot ask it how to print.
type hiding struct{ inner SASL }

func TestI11SecretsDoNotPrint(t *testing.T) {
	s := NewSecret(secretWord)
	sasl := SASL{Username: "me", Password: s}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "sasl", sasl)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "sasl", sasl)
	asJSON, _ := json.Marshal(map[string]any{"a": sasl, "b": &s})
	asYAML, _ := yaml.Marshal(sasl)
	text, _ := s.MarshalText()
	out := []string{
		log.String(), string(asJSON), string(asYAML), string(text), s.String(), s.GoString(),
		fmt.Sprint(s, &s, []Secret{s}, hiding{sasl}, &hiding{sasl}),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s"} {
		out = append(out, fmt.Sprintf(strings.Repeat(verb+" ", 4), s, &s, sasl, hiding{sasl}))
	}
	hex := fmt.Sprintf("%x", secretWord)
	for _, o := range out {
		if strings.Contains(o, secretWord) || strings.Contains(strings.ToLower(o), hex) {
			t.Errorf("secret in %s", o)
		}
	}
	if s.Reveal() != secretWord || !(Secret{}).IsZero() || (Secret{}).Reveal() != "" {
		t.Error("a secret is not what it was made of")
	}
}

func TestI11LoadedFilesDoNotPrintSecrets(t *testing.T) {
	f := load(t, "testdata/good/every-setting.yaml")
	asJSON, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	all := string(asJSON) + fmt.Sprintf("%+v %#v", f, f)
	for _, b := range f.Brokers {
		all += fmt.Sprintf("%+v %#v %+v %+v", b, b, b.AMQP, b.Kafka)
	}
	if strings.Contains(all, secretWord) {
		t.Error(all)
	}
}

func TestRedactedURL(t *testing.T) {
	for in, want := range map[string]string{
		"amqp://me:hunter2@host:5672/shop":   "amqp://host:5672/shop",
		"amqps://host/a%2Fb?password=hunter": "amqps://host/a%2Fb",
		"amqp://me:hun/ter@2@host":           redacted,
		"amqp://me:hun?ter2@host/":           redacted,
		"hunter2":                            redacted,
		"http://hunter2":                     redacted,
		"":                                   redacted,
	} {
		if got := NewSecret(in).Redacted(); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

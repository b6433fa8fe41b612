package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
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

// E1: what comes from a file is read again; what is not what the setting wants is
// not taken, and I11: not shown.
func TestE1SecretsFromFilesAreFresh(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("hunter2\n")
	env := map[string]string{"HOST": "rabbit.example"}
	f, err := Parse("test.yaml", fmt.Appendf(nil, "brokers:\n  b: { amqp: { url: \"amqp://me:${file:%s}@${HOST}/\" } }\nroutes:\n"+
		"  - { name: r, from: { broker: b, queue: a }, to: { broker: b, queue: b }, order: { by: none } }\n", path),
		func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	secret := f.Brokers[0].AMQP.URL
	for _, c := range []struct{ file, url, fault string }{
		{"hunter2", "amqp://me:hunter2@rabbit.example/", ""},
		{"hunter3\r\n", "amqp://me:hunter3@rabbit.example/", ""},
		{"hunt%er", "amqp://me:hunter3@rabbit.example/", "what the file holds now is not a URL"},
		{"", "amqp://me:hunter3@rabbit.example/", "what the file holds now is not a URL"},
		{strings.Repeat("x", 70_000), "amqp://me:hunter3@rabbit.example/", "larger than 64 KiB"},
		{"hunter4", "amqp://me:hunter4@rabbit.example/", ""},
	} {
		put(c.file)
		got, err := secret.Fresh()
		if got != c.url || secret.Reveal() != c.url || (err == nil) != (c.fault == "") ||
			err != nil && (!strings.Contains(err.Error(), c.fault) || strings.Contains(err.Error(), "hunt")) {
			t.Errorf("with %.20q it is %q, and says %v", c.file, got, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got, err := secret.Fresh(); got != "amqp://me:hunter4@rabbit.example/" || err == nil {
		t.Errorf("without its file it is %q, and says %v", got, err)
	}
}

package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// secretive has a secret in every place that the grammar has for one, from the file
// itself, from the environment and from other files; and brokers that are away, that
// are none, and that nobody can trust.
const secretive = `
brokers:
  away:   { amqp: { url: "amqp://u:${C1}@127.0.0.1:1/?password=${C2}", management: "http://m:${C3}@127.0.0.1:1" } }
  odd:    { amqp: { url: "amqp://u:${file:@DIR/C4}@@ODD/", management: "@ECHO/?token=${C5}" } }
  strange: { amqp: { url: "amqps://u:C6CANARY6C@@TLS/", tls: { ca: "@DIR/ca.pem", cert: "@DIR/us.pem", key: "@DIR/us.key" } } }
  plain:  { kafka: { brokers: ["@ODD"], sasl: { mechanism: plain, username: u, password: "${C7}" } } }
  scram:  { kafka: { brokers: ["@TLS"], tls: { cert: "@DIR/us.pem", key: "@DIR/us.key" }, sasl: { mechanism: scram-sha-512, username: u, password: "${file:@DIR/C8}" } } }
  token:  { kafka: { brokers: ["@ODD"], sasl: { mechanism: oauthbearer, token: "${file:@DIR/C9}" } } }
  client: { kafka: { brokers: ["@ODD"], sasl: { mechanism: oauthbearer, token_url: "@ECHO/token", client_id: bridge, client_secret: "${C10}" } } }
  stock:  { amqp: { url: "amqp://u:${C11}@127.0.0.1:1/" }, client: watermill }
store: { pebble: { dir: "@DIR/store" } }
admin:
  listen: 127.0.0.1:0
  tokens:
    - { name: alice, role: admin, payloads: full, token: "${C12}" }
    - { name: bob, role: viewer, sha256: "${C13}" }
defaults:
  order: { by: none }
  alarms: { dead_letters: 1, webhook: { url: "@ECHO/hook?token=${C14}", bearer: "${C15}" } }
  owner: { name: us, webhook: { url: "@ECHO/owner?token=${C16}", bearer: "${file:@DIR/C17}" } }
routes:
  - { name: orders, from: { broker: away, queue: a }, to: { broker: away, queue: to-a } }
  - { name: r2, from: { broker: odd, queue: a }, to: { broker: away, queue: to-b } }
  - { name: r3, from: { broker: strange, queue: a }, to: { broker: away, queue: to-c } }
  - { name: r4, from: { broker: plain, topic: a }, to: { broker: away, queue: to-d } }
  - { name: r5, from: { broker: scram, topic: a }, to: { broker: away, queue: to-e } }
  - { name: r6, from: { broker: token, topic: a }, to: { broker: away, queue: to-f } }
  - { name: r7, from: { broker: client, topic: a }, to: { broker: away, queue: to-g } }
  - { name: r8, from: { broker: stock, queue: a }, to: { broker: away, queue: to-h } }
`

// places is how many secrets there are above.
const places = 17

// canaries are secrets that are searched for, and what they are part of.
type canaries struct {
	t     *testing.T
	words map[string]string // what is searched for, and which secret it is
}

// newCanaries writes the secrets to files, sets them as variables, and makes a key.
func newCanaries(t *testing.T, dir string) *canaries {
	t.Helper()
	c := &canaries{t, map[string]string{}}
	for i := 1; i <= places; i++ {
		name := fmt.Sprint("C", i)
		word := fmt.Sprintf("C%dCANARY%[1]dC", i)
		switch name {
		case "C12":
			word += "-of-alice"
		case "C13": // a sum
			word = strings.Repeat(hex.EncodeToString([]byte("canary13")), 4)
		}
		c.add(name, word)
		t.Setenv(name, word)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(word+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certified(t)
	for name, from := range map[string]string{"us.pem": "CERT", "us.key": "KEY", "ca.pem": "CERT"} {
		data, err := os.ReadFile(os.Getenv(from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if name == "us.key" {
			c.words[strings.Split(string(data), "\n")[1]] = "the private key"
		}
	}
	return c
}

// add has a secret searched for as it is, in hexadecimal digits, and in base64 wherever
// it stands in what is encoded.
func (c *canaries) add(name, word string) {
	c.words[word], c.words[hex.EncodeToString([]byte(word))] = name, name
	for lead := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte("xxx"[:lead] + word))
		c.words[text[(lead*8+5)/6:len(text)-1]] = name + " in base64"
	}
}

// clean reports a text that holds one.
func (c *canaries) clean(what, text string) {
	c.t.Helper()
	for word, name := range c.words {
		if at := strings.Index(text, word); at >= 0 {
			c.t.Errorf("%s tells %s:\n… %s …", what, name, text[max(0, at-300):min(len(text), at+100)])
		}
	}
}

// cleanFiles does the same for all files of a directory.
func (c *canaries) cleanFiles(dir string) {
	c.t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files++
		c.clean(path, string(data))
		return err
	})
	if err != nil || files == 0 {
		c.t.Errorf("%s has %d files: %v", dir, files, err)
	}
}

// strangers are servers that no broker is: one answers nonsense, one encrypts with a
// certificate of nobody, one repeats whatever it is told.
func strangers(t *testing.T) (odd, encrypted, echo string, told *atomic.Int64) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = c.Close()
		}
	})
	told = &atomic.Int64{}
	repeat := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told.Add(1)
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":%q}`, fmt.Sprint(r.URL, r.Header, string(body)))
	})
	http1, https := httptest.NewServer(repeat), httptest.NewTLSServer(repeat)
	https.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
		http1.Close()
		https.Close()
	})
	return l.Addr().String(), strings.TrimPrefix(https.URL, "https://"), http1.URL, told
}

// secretsOf finds the fields of type Secret that a value of a type may have, and
// which of them it has.
func secretsOf(v reflect.Value, t reflect.Type, possible map[string]bool, found map[string][]string, under []reflect.Type) {
	if slices.Contains(under, t) {
		return
	}
	under = append(slices.Clone(under), t)
	switch t.Kind() {
	case reflect.Pointer:
		if v.IsValid() && !v.IsNil() {
			secretsOf(v.Elem(), t.Elem(), possible, found, under)
			return
		}
		secretsOf(reflect.Value{}, t.Elem(), possible, found, under)
	case reflect.Slice:
		secretsOf(reflect.Value{}, t.Elem(), possible, found, under)
		for i := 0; v.IsValid() && i < v.Len(); i++ {
			secretsOf(v.Index(i), t.Elem(), possible, found, under)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() {
				continue
			}
			value := reflect.Value{}
			if v.IsValid() {
				value = v.Field(i)
			}
			if f.Type != reflect.TypeFor[config.Secret]() {
				secretsOf(value, f.Type, possible, found, under)
				continue
			}
			name := t.Name() + "." + f.Name
			possible[name] = true
			if s, ok := value, value.IsValid(); ok && !s.Interface().(config.Secret).IsZero() {
				found[name] = append(found[name], s.Interface().(config.Secret).Reveal())
			}
		}
	}
}

// everySecretIsACanary checks that the topology leaves no place for a secret empty.
func (c *canaries) everySecretIsACanary(path string) {
	c.t.Helper()
	f, err := config.Load(path, os.LookupEnv)
	if err != nil {
		c.t.Fatal(err)
	}
	possible, found := map[string]bool{}, map[string][]string{}
	secretsOf(reflect.ValueOf(*f), reflect.TypeFor[config.File](), possible, found, nil)
	if len(possible) < 9 {
		c.t.Errorf("only %d places were found: %v", len(possible), possible)
	}
	for _, name := range slices.Sorted(maps.Keys(possible)) {
		if len(found[name]) == 0 {
			c.t.Errorf("no secret is in %s", name)
		}
		for _, text := range found[name] {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(c.words)), func(w string) bool { return strings.Contains(text, w) }) {
				c.t.Errorf("%s has a secret that is not searched for", name)
			}
		}
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		c.clean("the file as "+format, fmt.Sprintf(format, *f))
	}
}

// given are the arguments of commands that need some; nil: it is not run here.
var given = map[string][]string{
	"run": nil, "demo": nil, "top": nil, "help": nil, "man": nil, // the first is what is looked at; the others know no file, or do not end
	"keys skip":       {"4711", "--to", "9"},
	"keys close":      {"4711", "--from", "1"},
	"dlq edit":        {"d1", "--set-header", "a=b"},
	"dlq import":      {os.DevNull},
	"dlq archive":     {"d1"},
	"dlq discard":     {"d1"},
	"dlq redrive":     {"d1"},
	"archive restore": {"d1"},
	"store backup":    {"@DIR/backup"},
	"store restore":   {"@DIR/backup"},
	"completion":      {"bash"},
	"search":          {"4711"},
}

// commands are all there are, with arguments and as JSON where that can be had.
func commands(file, address, dir, format string) (all [][]string) {
	var add func(c *cobra.Command, path []string)
	add = func(c *cobra.Command, path []string) {
		for _, sub := range c.Commands() {
			add(sub, append(slices.Clone(path), sub.Name()))
		}
		args, special := given[strings.Join(path, " ")]
		if len(path) == 0 || c.HasSubCommands() || special && args == nil {
			return
		}
		if words := strings.Fields(c.Use); !special && len(words) > 1 {
			args = []string{map[string]string{"KEY": "4711", "ID": "d1", "NAME": "orders", "[NAME]": "orders", "ROUTE": "orders"}[words[1]]}
		}
		line := slices.Clone(path)
		for _, a := range args {
			if a != "" {
				line = append(line, strings.ReplaceAll(a, "@DIR", dir))
			}
		}
		for flag, value := range map[string]string{"config": file, "admin": address, "reason": "r", "timeout": "2s", "output": format} {
			if f := c.Flags().Lookup(flag); f != nil && (flag != "output" || format == "json" && strings.Contains(f.Value.Type(), "json")) {
				line = append(line, "--"+flag+"="+value)
			}
		}
		all = append(all, line)
	}
	add(newRoot(), nil)
	return all
}

// letterIn makes a store with a dead letter, so that alarms and commands have
// something to tell.
func letterIn(t *testing.T, dir string) {
	t.Helper()
	s, err := pebble.Open(dir, pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), store.Identity{Route: "orders"}); err != nil {
		t.Fatal(err)
	}
	d := letter("d1", "4711", "max_attempts", []byte("body"))
	for _, err := range s.Commit(t.Context(), store.Change{Key: store.Key{Route: "orders"}, Dead: []store.DeadLetter{d}}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestI11_NoCanaryIsHeard fills every secret of the grammar, runs the bridge where every
// login fails, asks it all that it can be asked by every way there is, and looks for
// the secrets in every byte that comes out.
func TestI11_NoCanaryIsHeard(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, before) })
			dir := t.TempDir()
			odd, encrypted, echo, told := strangers(t)
			c := newCanaries(t, dir)
			file := write(t, strings.NewReplacer("@DIR", dir, "@ODD", odd, "@TLS", encrypted, "@ECHO", echo).Replace(secretive))
			c.everySecretIsACanary(file)
			letterIn(t, filepath.Join(dir, "store"))

			var out, log output
			ctx, stop := context.WithCancel(t.Context())
			code, profile := make(chan int, 1), filepath.Join(dir, "profile")
			go func() {
				code <- execute(ctx, []string{"run", "-c", file, "--log-level", "debug", "--log-format", format, "--cpu-profile", profile}, &out, &log)
			}()
			address := log.find(t, `admin"?[=:]"?(http://[0-9.:]+)`)
			t.Setenv(tokenVariable, os.Getenv("C12"))
			for deadline := time.Now().Add(20 * time.Second); told.Load() < 3 && time.Now().Before(deadline); {
				time.Sleep(20 * time.Millisecond) // until a webhook and the server of tokens were asked
			}
			if told.Load() < 3 {
				t.Errorf("the strangers were told %d times", told.Load())
			}
			c.asksEverything(address)
			for _, line := range commands(file, address, dir, format) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				var out, errOut output
				execute(ctx, line, &out, &errOut)
				cancel()
				c.clean("bridge "+strings.Join(line, " "), out.String()+errOut.String())
				if strings.Contains(errOut.String(), "unknown flag") || strings.Contains(errOut.String(), "this needs a token") || strings.Contains(errOut.String(), "--help says more") {
					t.Errorf("%v was not understood: %s", line, &errOut)
				}
			}
			if format == "text" {
				waitForRefusal(t, address)
			}
			stop()
			if got := <-code; got != done {
				t.Errorf("it ended with %d", got)
			}
			c.clean("the log", out.String()+log.String())
			for _, d := range []string{"store", "backup"} {
				c.cleanFiles(filepath.Join(dir, d))
			}
			data, err := os.ReadFile(profile)
			if err != nil || len(data) == 0 {
				t.Error(err)
			}
			c.clean("the profile", string(data))
			for _, r := range []string{"away", "odd", "strange", "plain", "scram", "token", "client", "stock"} {
				if !regexp.MustCompile(`(WARN|DEBUG|ERROR).*` + r).MatchString(log.String()) {
					t.Errorf("nothing went wrong with %s", r)
				}
			}
		})
	}
}

// asksEverything asks what the description of the API has to be read.
func (c *canaries) asksEverything(address string) {
	c.t.Helper()
	var doc struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal([]byte(get(c.t, address+"/api/v1/openapi.json")), &doc); err != nil || len(doc.Paths) < 20 {
		c.t.Fatalf("%d paths: %v", len(doc.Paths), err)
	}
	for path, methods := range doc.Paths {
		if methods["get"] == nil || strings.Contains(path, "stream") { // which ends with its reader
			continue
		}
		path = strings.NewReplacer("{route}", "orders", "{id}", "d1", "{key}", "4711").Replace(path)
		for _, query := range []string{"", "?verbose=1&gaps=true"} {
			c.clean("GET "+path, get(c.t, address+path+query))
		}
	}
	c.clean("GET /nowhere", get(c.t, address+"/nowhere/"+"x"))
}

package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// output collects what a command writes while it runs.
type output struct {
	mu  sync.Mutex
	all strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// find waits for a line that matches and returns the first group.
func (o *output) find(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if m := re.FindStringSubmatch(o.String()); m != nil {
			return m[1]
		}
	}
	t.Fatalf("no %s in\n%s", pattern, o)
	return ""
}

const canary = "CANARY-5f3a9c-77e1"

// topology has passwords wherever there can be one, and brokers that are away.
const topology = `
brokers:
  shop: { amqp: { url: "amqp://user:${PASSWORD}@127.0.0.1:1/?password=${PASSWORD}" } }
  lake: { kafka: { brokers: "127.0.0.1:1", sasl: { mechanism: plain, username: u, password: "${PASSWORD}" } } }
store: { pebble: { dir: "${DIR}" } }
admin: { listen: "127.0.0.1:0" }
routes:
  - name: orders
    from: { broker: shop, queue: orders }
    to: { broker: lake, topic: orders }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bridge.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// protected is the admin interface of a topology that wants the password as a
// token, and encrypts.
const protected = `admin: { listen: "127.0.0.1:0", tls: { cert: "${CERT}", key: "${KEY}" }, tokens: [{ name: alice, role: admin, token: "${PASSWORD}" }] }`

// certified writes a certificate of its own authority and its key, and sets CERT
// and KEY to their files.
func certified(t *testing.T) (cert string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"CERT": {Type: "CERTIFICATE", Bytes: der}, "KEY": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, path)
	}
	return filepath.Join(dir, "CERT")
}

// F9, I11: a bridge runs with secrets, is asked everything it can be asked, and
// tells none of them; nor are they in its store.
func TestF9NoSecretInAnyOutput(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := filepath.Join(t.TempDir(), "data")
	t.Setenv("PASSWORD", canary)
	t.Setenv(tokenVariable, canary)
	t.Setenv("DIR", dir)
	cert := certified(t)
	text := strings.Replace(topology, `admin: { listen: "127.0.0.1:0" }`, protected, 1)
	var out, log output
	ctx, stop := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- execute(ctx, []string{"run", "-c", write(t, text), "--log-level", "debug", "--log-format", "json"}, &out, &log)
	}()
	address := log.find(t, `"msg":"bridge starts".*"admin":"(https://[^"]+)"`)
	if !strings.Contains(log.String(), `"from":"shop: orders","to":"lake: orders"`) || !strings.Contains(log.String(), "bridge dlq ls --admin "+address) {
		t.Errorf("the start says too little:\n%s", log.String())
	}
	if !strings.Contains(log.String(), `"msg":"the admin API wants a token","of":"alice (admin)","may":"read and change","over":"https"`) {
		t.Errorf("the start does not say who may ask:\n%s", log.String())
	}
	waitForRefusal(t, address)
	for _, path := range []string{
		"/livez", "/readyz?verbose", "/metrics", "/api/v1/routes", "/api/v1/routes/orders/keys",
		"/api/v1/routes/orders/dead-letters", "/api/v1/routes/orders/keys/k", "/nowhere",
		"/api/v1/routes/orders/keys/k/explain", "/api/v1/audit",
	} {
		clean(t, path, get(t, address+path))
	}
	for _, args := range []string{
		"routes ls", "routes ls -o json", "keys ls", "dlq ls", "keys show k", "dlq show d", "explain k", "audit ls",
		"routes pause orders --reason r", "routes resume orders --reason r", "dlq redrive d --reason r", "keys skip k --to 3 --reason r",
	} {
		var out, errOut output
		execute(t.Context(), append(strings.Fields(args), "--admin", address, "--ca", cert), &out, &errOut)
		if text := out.String() + errOut.String(); strings.Contains(text, "token") || strings.Contains(text, "certificate") {
			t.Errorf("%s did not get there: %s", args, text)
		}
		clean(t, args, out.String()+errOut.String())
	}
	for _, format := range []string{"text", "json"} {
		var out, errOut output
		if c := execute(t.Context(), []string{"doctor", "-c", write(t, text), "-o", format}, &out, &errOut); c != failed || !strings.Contains(out.String(), "broker-unreachable") {
			t.Errorf("doctor ended with %d: %s%s", c, &out, &errOut)
		}
		clean(t, "doctor", out.String()+errOut.String())
	}
	stop()
	if c := <-code; c != done {
		t.Errorf("it ended with %d\n%s", c, &log)
	}
	clean(t, "run", out.String()+log.String())
	cleanFiles(t, dir)
}

// waitForRefusal waits until both brokers were asked: their errors are where a
// password would show.
func waitForRefusal(t *testing.T, address string) {
	t.Helper()
	for range 200 {
		if body := get(t, address+"/readyz?verbose"); strings.Contains(body, "connection refused") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("nobody refused: %s", get(t, address+"/readyz?verbose"))
}

func get(t *testing.T, url string) string {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv(tokenVariable))
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func clean(t *testing.T, what, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s says nothing", what)
	}
	if strings.Contains(text, canary) {
		t.Errorf("%s shows the secret:\n%s", what, text)
	}
}

func cleanFiles(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), canary) {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestMetricsAndHealthOfARunningBridge(t *testing.T) {
	t.Setenv("PASSWORD", "x")
	t.Setenv("DIR", t.TempDir())
	var out, log output
	ctx, stop := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() { code <- execute(ctx, []string{"run", "-c", write(t, topology)}, &out, &log) }()
	address := log.find(t, `msg="bridge starts".* admin=(\S+)`)
	for path, want := range map[string]string{
		"/metrics":         `bridge_connection_up{route="orders",source=`,
		"/readyz":          `"ready":false`,
		"/livez":           `"alive":true`,
		"/api/v1/routes":   `"name":"orders"`,
		"/metrics?again=1": "bridge_store_size_bytes",
	} {
		if body := get(t, address+path); !strings.Contains(body, want) {
			t.Errorf("%s: %s", path, body)
		}
	}
	var ready struct{ Routes []struct{ State string } }
	if err := json.Unmarshal([]byte(get(t, address+"/readyz")), &ready); err != nil || len(ready.Routes) != 1 {
		t.Errorf("%+v %v", ready, err)
	}
	stop()
	if c := <-code; c != done || !strings.Contains(log.String(), "msg=stopped") {
		t.Errorf("it ended with %d\n%s", c, &log)
	}
}

// B2: the first signal asks, the second one ends.
func TestB2TheSecondSignalEndsAtOnce(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		cmd := exec.Command("stubborn")
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := bufio.NewScanner(pipe)
		for _, want := range []string{"ready", "told"} {
			if !said.Scan() || said.Text() != want {
				t.Fatalf("it said %q, want %q", said.Text(), want)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		_ = cmd.Wait()
		if c := cmd.ProcessState.ExitCode(); c != failed || time.Since(began) > 10*time.Second {
			t.Errorf("%s: it ended with %d after %s", sig, c, time.Since(began))
		}
	}
}

// B2: a bridge that is told to stop settles and ends with 0, with its profile
// written.
func TestB2ASignalStopsOrderly(t *testing.T) {
	t.Setenv("PASSWORD", "x")
	t.Setenv("DIR", t.TempDir())
	profile := filepath.Join(t.TempDir(), "cpu")
	cmd := exec.Command("bridge", "run", "-c", write(t, topology), "--cpu-profile", profile)
	var log output
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log.find(t, `(to see how it goes)`)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(log.String(), "stopping") {
		t.Errorf("%v\n%s", err, &log)
	}
	if written, err := os.ReadFile(profile); err != nil || len(written) == 0 {
		t.Errorf("%d bytes of a profile, %v", len(written), err)
	}
}

// A profile that cannot be written is said before anything begins.
func TestProfileThatCannotBeWritten(t *testing.T) {
	t.Setenv("PASSWORD", "x")
	t.Setenv("DIR", t.TempDir())
	var out, log output
	args := []string{"run", "-c", write(t, topology), "--cpu-profile", filepath.Join(t.TempDir(), "no", "cpu")}
	if c := execute(t.Context(), args, &out, &log); c != environment || !strings.Contains(log.String(), "write a profile") {
		t.Errorf("it ended with %d\n%s", c, &log)
	}
}

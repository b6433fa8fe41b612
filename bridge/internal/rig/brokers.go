package rig

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	defaultAMQP  = "amqp://guest:guest@127.0.0.1:5672/"
	defaultKafka = "127.0.0.1:9092"
)

// AMQP returns the URL of a RabbitMQ that accepts connections:
// BRIDGE_TEST_AMQP_URL, or guest on loopback.
func AMQP(t testing.TB) string {
	t.Helper()
	addr := setting("BRIDGE_TEST_AMQP_URL", defaultAMQP)
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatalf("BRIDGE_TEST_AMQP_URL is no URL: %v", err)
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "5672")
	}
	need(t, "RabbitMQ", host)
	return addr
}

// Kafka returns the bootstrap addresses of a Kafka that accepts connections:
// BRIDGE_TEST_KAFKA (separated by commas), or loopback.
func Kafka(t testing.TB) []string {
	t.Helper()
	addrs := strings.Split(setting("BRIDGE_TEST_KAFKA", defaultKafka), ",")
	need(t, "Kafka", addrs[0])
	return addrs
}

// Full says that BRIDGE_TEST_FULL is set: long loads and many rounds are wanted.
func Full() bool { return os.Getenv("BRIDGE_TEST_FULL") != "" }

// Brokers runs scripts/brokers with the given words, for example "kill",
// "rabbitmq", and fails the test if that fails. Tests that stop a broker must
// not run beside others: they start it again in a cleanup, and `make test` runs
// one package at a time.
func Brokers(t testing.TB, words ...string) {
	t.Helper()
	if _, err := Script(words...); err != nil {
		t.Fatal(err)
	}
}

// Script runs scripts/brokers and returns what it said; an error says that, too.
func Script(words ...string) (string, error) {
	out, err := script(words...)
	if err != nil {
		err = fmt.Errorf("scripts/brokers %s: %w\n%s", strings.Join(words, " "), err, out)
	}
	return out, err
}

// failed keeps the first failure to start the brokers: the tests that follow
// need not wait for it again.
var failed struct {
	sync.Mutex
	out string
	err error
}

// up starts what does not run, unless that was tried in vain.
func up() (out string, err error) {
	failed.Lock()
	defer failed.Unlock()
	if failed.err != nil {
		return failed.out, failed.err
	}
	unlock, err := lock(filepath.Join(os.TempDir(), fmt.Sprintf("brokerbridge-rig-%d.lock", os.Getuid())))
	if err != nil {
		return "", err
	}
	defer unlock()
	failed.out, failed.err = script("up")
	return failed.out, failed.err
}

func need(t testing.TB, broker, addr string) {
	t.Helper()
	if reachable(addr) {
		return
	}
	out, err := up()
	if err == nil && reachable(addr) {
		return
	}
	t.Fatalf("this test needs %s, nothing answers on %s, and `scripts/brokers up` did not help (%v).\n"+
		"Start it with `make brokers`, or point BRIDGE_TEST_AMQP_URL and BRIDGE_TEST_KAFKA at running brokers.\n%s",
		broker, addr, err, out)
}

func reachable(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// lock keeps test processes that run side by side from starting brokers twice.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil // closing releases the lock
}

// script waits for the script alone: a broker it starts must not keep the test
// waiting, so its output goes to a file instead of a pipe.
func script(words ...string) (string, error) {
	out, err := os.CreateTemp("", "brokers-*.log")
	if err != nil {
		return "", err
	}
	defer func() { _ = out.Close(); _ = os.Remove(out.Name()) }()
	cmd := exec.Command(filepath.Join(Root(), "scripts", "brokers"), words...)
	cmd.Stdout, cmd.Stderr = out, out
	runErr := cmd.Run()
	text, err := os.ReadFile(out.Name())
	if err != nil {
		return "", err
	}
	return string(text), runErr
}

// Root is the folder of go.mod.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

func setting(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

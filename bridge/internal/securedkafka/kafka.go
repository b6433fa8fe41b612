// Package securedkafka gives tests a second Kafka, one that wants logins and
// certificates and allows nothing that it was not told to. It starts with the first
// test that asks, in some seconds, and ends with the test process.
package securedkafka

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/certs"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// Cluster is a Kafka of one broker. Its listeners are addresses on loopback.
type Cluster struct {
	Admin string // for tests: no login, everything allowed
	Login string // SASL without TLS: every mechanism
	Cert  string // TLS; a client is who its certificate says
	Both  string // SASL with TLS
	// Renewed is as Both, and the one whose certificate is renewed.
	Renewed string

	// CA signs the certificates of the broker, and those of clients.
	CA *certs.Authority

	dir     string
	process *child.Process
}

// Plain is a user whom the broker knows from its own configuration; the others are
// made by [Cluster.User].
const Plain = "plain"

// PlainPassword is that of Plain.
const PlainPassword = "plain-secret"

// Lifetime is how long a session with OAUTHBEARER lasts without another token.
const Lifetime = 3 * time.Second

var (
	mu  sync.Mutex
	one *Cluster
	bad error
)

// Start returns the cluster of this process.
func Start(t testing.TB) *Cluster {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if one == nil && bad == nil {
		one, bad = start(t)
	}
	if bad != nil {
		t.Fatalf("start a Kafka with logins: %v", bad)
	}
	return one
}

// Stop ends it, if it was started. It is for TestMain.
func Stop() {
	mu.Lock()
	defer mu.Unlock()
	if one == nil {
		return
	}
	_ = one.process.Signal(syscall.SIGKILL) // its data is not wanted
	one.process.Wait(10 * time.Second)
	_ = os.RemoveAll(one.dir)
	one = nil
}

func start(t testing.TB) (c *Cluster, err error) {
	dir, err := os.MkdirTemp("", "securedkafka-") //nolint:usetesting // it outlives the test that came first
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	jars, err := exec.Command(filepath.Join(rig.Root(), "scripts", "brokers"), "kafka-jars").Output()
	if err != nil {
		return nil, fmt.Errorf("scripts/brokers kafka-jars: %w", err)
	}
	c = &Cluster{
		dir: dir, CA: certs.New(t, "kafka-ca"),
		Admin: rig.Address(t), Login: rig.Address(t), Cert: rig.Address(t), Both: rig.Address(t), Renewed: rig.Address(t),
	}
	c.CA.Keep(t, dir)
	c.CA.Issue(t, certs.Asked{Name: "broker"}).WriteJoined(t, c.keystore("first"))
	properties := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(properties, []byte(c.properties(rig.Address(t))), 0o600); err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(jars)), "\n")
	java := func(class string, args ...string) []string {
		return append([]string{
			"-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.configurationFile=" +
				filepath.Join(rig.Root(), "scripts", "brokers.d", "log4j2.properties"),
			"-cp", lines[len(lines)-1] + "/*", class,
		}, args...)
	}
	out, err := exec.Command("java", java("kafka.tools.StorageTool", "format", "--standalone",
		"--cluster-id", "brokerbridge-secured000", "--config", properties)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("format: %w\n%s", err, out)
	}
	return c, c.run(java("kafka.Kafka", properties))
}

// run starts the broker and waits until it answers.
func (c *Cluster) run(java []string) error {
	path := filepath.Join(c.dir, "kafka.log")
	log, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if c.process, err = child.Start(log, nil, "java", java...); err != nil {
		return err
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		words, _ := os.ReadFile(path)
		switch {
		case strings.Contains(string(words), "Kafka Server started"):
			return nil
		case !c.process.Running() || time.Now().After(end):
			_ = c.process.Signal(syscall.SIGKILL)
			return fmt.Errorf("it did not start:\n%s", words[max(0, len(words)-5000):])
		}
	}
}

func (c *Cluster) keystore(name string) string { return filepath.Join(c.dir, name+".keystore.pem") }

func (c *Cluster) properties(controller string) string {
	const module = "org.apache.kafka.common.security."
	listeners := fmt.Sprintf("ADMIN://%s,LOGIN://%s,CERT://%s,BOTH://%s,RENEWED://%s", c.Admin, c.Login, c.Cert, c.Both, c.Renewed)
	lines := []string{
		"process.roles=broker,controller", "node.id=1",
		"controller.quorum.bootstrap.servers=" + controller, "controller.listener.names=CONTROLLER",
		"inter.broker.listener.name=ADMIN",
		"listeners=" + listeners + ",CONTROLLER://" + controller, "advertised.listeners=" + listeners,
		"listener.security.protocol.map=ADMIN:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_PLAINTEXT,CERT:SSL,BOTH:SASL_SSL,RENEWED:SASL_SSL",
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS",
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
		"auto.create.topics.enable=false", "group.initial.rebalance.delay.ms=0", "group.min.session.timeout.ms=1000",
		"offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1",
		"transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1", "transaction.state.log.num.partitions=1",
		"log.dirs=" + filepath.Join(c.dir, "data"),
		"listener.name.cert.ssl.client.auth=required",
		"listener.name.cert.ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/",
	}
	for _, listener := range []string{"cert", "both", "renewed"} {
		prefix := "listener.name." + listener + ".ssl."
		lines = append(lines,
			prefix+"keystore.type=PEM", prefix+"keystore.location="+c.keystore("first"),
			prefix+"truststore.type=PEM", prefix+"truststore.location="+c.CA.File)
	}
	for _, listener := range []string{"login", "both", "renewed"} {
		prefix := "listener.name." + listener + "."
		lines = append(lines,
			fmt.Sprintf("%splain.sasl.jaas.config=%splain.PlainLoginModule required user_%s=%q;", prefix, module, Plain, PlainPassword),
			prefix+"scram-sha-256.sasl.jaas.config="+module+"scram.ScramLoginModule required;",
			prefix+"scram-sha-512.sasl.jaas.config="+module+"scram.ScramLoginModule required;",
			prefix+"oauthbearer.sasl.jaas.config="+module+`oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
			prefix+"oauthbearer.sasl.server.callback.handler.class="+module+"oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler",
			fmt.Sprintf("%soauthbearer.connections.max.reauth.ms=%d", prefix, Lifetime.Milliseconds()))
	}
	return strings.Join(lines, "\n") + "\n"
}

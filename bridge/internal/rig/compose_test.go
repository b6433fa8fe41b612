package rig_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// compose is what docker-compose.yml may say. It is decoded strictly, because
// no engine runs where these tests run: a misspelt word is found here or by a
// user.
type compose struct {
	Name     string
	Services map[string]service
	Volumes  map[string]*struct{}
}

type service struct {
	Image       string
	Hostname    string
	Profiles    []string
	Network     string `yaml:"network_mode"`
	Command     []string
	Ports       []string
	Volumes     []string
	Environment map[string]string
	Healthcheck struct {
		Test     []string
		Interval string
		Timeout  string
		Retries  int
	}
}

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	decoder := yaml.NewDecoder(bytes.NewReader(repoFile(t, "docker-compose.yml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestComposeServicesArePinnedHealthyAndLocal(t *testing.T) {
	c := readCompose(t)
	if len(c.Services) != 4 {
		t.Errorf("%d services, want rabbitmq and kafka, and prometheus and grafana to see", len(c.Services))
	}
	ports := map[string]string{"rabbitmq": "127.0.0.1:5672:5672", "kafka": "127.0.0.1:9092:9092"}
	pinned := regexp.MustCompile(`^[a-z/]+:\d+\.\d+`)
	for name, port := range ports {
		s := c.Services[name]
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %q is not pinned to a version", name, s.Image)
		}
		if !slices.Contains(s.Ports, port) {
			t.Errorf("%s: ports %q lack %q", name, s.Ports, port)
		}
		checkLoopback(t, name, s.Ports)
		checkHealth(t, name, s)
		checkVolumes(t, name, s, c)
	}
}

// TestComposeShowsNothingUnasked: what is there to see begins only when it is asked
// for, is open to nobody else, and mounts files that there are.
func TestComposeShowsNothingUnasked(t *testing.T) {
	c := readCompose(t)
	pinned := regexp.MustCompile(`^[a-z/]+:v?\d+\.\d+\.\d+$`)
	for name, loopback := range map[string]string{"prometheus": "--web.listen-address=127.0.0.1:9090", "grafana": "GF_SERVER_HTTP_ADDR=127.0.0.1"} {
		s := c.Services[name]
		if !slices.Equal(s.Profiles, []string{"see"}) || s.Network != "host" || !pinned.MatchString(s.Image) {
			t.Errorf("%s: profiles %q, network %q, image %q", name, s.Profiles, s.Network, s.Image)
		}
		said := s.Command
		for key, value := range s.Environment {
			said = append(said, key+"="+value)
		}
		if !slices.Contains(said, loopback) {
			t.Errorf("%s is open to the network: %q", name, said)
		}
		for _, mount := range s.Volumes {
			if path, _, _ := strings.Cut(mount, ":"); strings.HasPrefix(path, "./") {
				if _, err := os.Stat(filepath.Join(rig.Root(), path)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			} else if _, ok := c.Volumes[path]; !ok {
				t.Errorf("%s: volume %q is not declared", name, path)
			}
		}
	}
}

func checkLoopback(t *testing.T, name string, ports []string) {
	t.Helper()
	for _, port := range ports {
		if !strings.HasPrefix(port, "127.0.0.1:") {
			t.Errorf("%s: port %q is open to the network", name, port)
		}
	}
}

func checkHealth(t *testing.T, name string, s service) {
	t.Helper()
	h := s.Healthcheck
	if len(h.Test) < 2 || h.Test[0] != "CMD" || h.Interval == "" || h.Timeout == "" || h.Retries == 0 {
		t.Errorf("%s: the health check is incomplete: %+v", name, h)
	}
}

func checkVolumes(t *testing.T, name string, s service, c compose) {
	t.Helper()
	if len(s.Volumes) == 0 {
		t.Errorf("%s: data would not survive the container", name)
	}
	for _, mount := range s.Volumes {
		volume, _, _ := strings.Cut(mount, ":")
		if _, ok := c.Volumes[volume]; !ok {
			t.Errorf("%s: volume %q is not declared", name, volume)
		}
	}
}

// A test that passes in one mode must mean the same in the other.
func TestComposeKafkaEqualsNativeKafka(t *testing.T) {
	native := properties(t)
	compose := map[string]string{}
	for key, value := range readCompose(t).Services["kafka"].Environment {
		compose[property(t, key)] = value
	}
	// Where data lies, what the container listens on, and how a cluster of one
	// is spelled differ of necessity.
	for _, own := range []string{
		"listeners", "log.dirs", "listener.security.protocol.map",
		"controller.quorum.voters", "controller.quorum.bootstrap.servers",
	} {
		delete(native, own)
		delete(compose, own)
	}
	for key, want := range native {
		if got := compose[key]; got != want {
			t.Errorf("%s: docker-compose.yml says %q, kafka.properties %q", key, got, want)
		}
	}
	for key := range compose {
		if _, ok := native[key]; !ok {
			t.Errorf("%s is only in docker-compose.yml", key)
		}
	}
}

// One node: an internal topic that wants three replicas is never created.
func TestKafkaSettingsFitOneNodeOnLoopback(t *testing.T) {
	p := properties(t)
	for key, want := range map[string]string{
		"advertised.listeners":                             "PLAINTEXT://127.0.0.1:9092",
		"auto.create.topics.enable":                        "false",
		"group.initial.rebalance.delay.ms":                 "0",
		"offsets.topic.replication.factor":                 "1",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
	} {
		if p[key] != want {
			t.Errorf("%s = %q, want %q", key, p[key], want)
		}
	}
	for _, listener := range strings.Split(p["listeners"], ",") {
		if !strings.Contains(listener, "://127.0.0.1:") {
			t.Errorf("listener %q is open to the network", listener)
		}
	}
}

// Kafka of the two modes is the same release.
func TestKafkaVersionIsTheSameEverywhere(t *testing.T) {
	_, version, _ := strings.Cut(readCompose(t).Services["kafka"].Image, ":")
	pom := string(repoFile(t, "scripts/brokers.d/pom.xml"))
	if !strings.Contains(pom, "<kafka.version>"+version+"</kafka.version>") {
		t.Errorf("docker-compose.yml runs Kafka %s, pom.xml another", version)
	}
}

// property turns KAFKA_LOG_DIRS into log.dirs, as the image does.
func property(t *testing.T, env string) string {
	t.Helper()
	name, ok := strings.CutPrefix(env, "KAFKA_")
	if !ok {
		t.Errorf("%s is no setting of Kafka", env)
	}
	return strings.ReplaceAll(strings.ToLower(name), "_", ".")
}

func properties(t *testing.T) map[string]string {
	t.Helper()
	p := map[string]string{}
	for line := range strings.Lines(string(repoFile(t, "scripts/brokers.d/kafka.properties"))) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(key, "#") {
			p[key] = value
		}
	}
	return p
}

func repoFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root(), name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Package release_test keeps what a release is made of true: files that parse,
// paths that exist, a topology that loads, ports and times that fit the bridge.
package release_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/brokerbridge/bridge/bridge/config"
)

// root is the repository, seen from here.
const root = "../.."

// drain is how long a stop may take to settle and park; closing the connections
// may take as long again. docs/operations.md says 40 s in all.
const drain = 20 * time.Second

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// object is a Kubernetes object.
type object struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Data     map[string]string `yaml:"data"`
	Secret   map[string]string `yaml:"stringData"`
	Spec     yaml.Node
}

// spec decodes what an object is about.
func (o object) spec(t *testing.T, into any) {
	t.Helper()
	if err := o.Spec.Decode(into); err != nil {
		t.Fatalf("%s: %v", o.Kind, err)
	}
}

// manifest are the objects of kubernetes.yaml by kind, of which it has one each.
func manifest(t *testing.T) map[string]object {
	t.Helper()
	dec := yaml.NewDecoder(strings.NewReader(read(t, "kubernetes.yaml")))
	objects := map[string]object{}
	for {
		var o object
		err := dec.Decode(&o)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, double := objects[o.Kind]; double {
			t.Errorf("two objects are a %s", o.Kind)
		}
		if o.Kind != "Namespace" && o.Metadata.Namespace != "bridge" {
			t.Errorf("%s is in the namespace %q", o.Kind, o.Metadata.Namespace)
		}
		objects[o.Kind] = o
	}
}

// pod is what the tests look at of a StatefulSet.
type pod struct {
	Replicas    int
	ServiceName string `yaml:"serviceName"`
	Template    struct {
		Spec struct {
			Grace          int         `yaml:"terminationGracePeriodSeconds"`
			InitContainers []container `yaml:"initContainers"`
			Containers     []container
		}
	}
	Claims []struct{ Metadata struct{ Name string } } `yaml:"volumeClaimTemplates"`
}

type container struct {
	Name  string
	Args  []string
	Ports []struct {
		Number int `yaml:"containerPort"`
	}
	Mounts []struct {
		Name string
		Path string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
	Security struct {
		MayGain  *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnly *bool `yaml:"readOnlyRootFilesystem"`
	} `yaml:"securityContext"`

	Startup   *probe `yaml:"startupProbe"`
	Liveness  *probe `yaml:"livenessProbe"`
	Readiness *probe `yaml:"readinessProbe"`
}

type probe struct {
	HTTPGet struct {
		Path string
		Port int
	} `yaml:"httpGet"`
}

func statefulSet(t *testing.T) (p pod) {
	t.Helper()
	manifest(t)["StatefulSet"].spec(t, &p)
	if len(p.Template.Spec.Containers) != 1 || len(p.Template.Spec.InitContainers) != 1 {
		t.Fatalf("want the bridge and its sidecar: %+v", p)
	}
	return p
}

// mounted is where a container sees a volume or a file of it.
func (c container) mounted(t *testing.T, volume string) string {
	t.Helper()
	for _, m := range c.Mounts {
		if m.Name == volume && m.Path != "" {
			return m.Path
		}
	}
	t.Fatalf("%s does not mount %s", c.Name, volume)
	return ""
}

// topology loads the topology of the ConfigMap, with the Secret where the pod
// would find it.
func topology(t *testing.T) *config.File {
	t.Helper()
	objects := manifest(t)
	at, here := statefulSet(t).Template.Spec.Containers[0].mounted(t, "secret"), t.TempDir()
	for name, value := range objects["Secret"].Secret {
		if err := os.WriteFile(filepath.Join(here, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := objects["ConfigMap"].Data["bridge.yaml"]
	if !strings.Contains(text, "${file:"+at+"/") {
		t.Errorf("no password is read from %s", at)
	}
	f, err := config.Parse("bridge.yaml", []byte(strings.ReplaceAll(text, at, here)), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if faults := config.Unavailable(f); len(faults) > 0 {
		t.Fatal(faults)
	}
	return f
}

func TestKubernetesHasWhatABridgeNeeds(t *testing.T) {
	objects := manifest(t)
	for _, kind := range []string{
		"Namespace", "Secret", "ConfigMap", "Service", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy",
	} {
		if _, ok := objects[kind]; !ok {
			t.Errorf("there is no %s", kind)
		}
	}
	p := statefulSet(t)
	if p.Replicas != 1 {
		t.Errorf("%d replicas: a local store has one owner", p.Replicas)
	}
	if p.ServiceName != objects["Service"].Metadata.Name {
		t.Errorf("the StatefulSet names the service %q", p.ServiceName)
	}
	for _, c := range append(p.Template.Spec.InitContainers, p.Template.Spec.Containers...) {
		s := c.Security
		if s.MayGain == nil || *s.MayGain || s.ReadOnly == nil || !*s.ReadOnly {
			t.Errorf("%s may write or gain rights: %+v", c.Name, s)
		}
	}
}

func TestKubernetesTopologyLoads(t *testing.T) {
	f, bridge := topology(t), statefulSet(t).Template.Spec.Containers[0]
	if at := bridge.mounted(t, "config"); !slices.Contains(bridge.Args, at) {
		t.Errorf("the topology is at %s, and the bridge is started with %q", at, bridge.Args)
	}
	volume := statefulSet(t).Claims[0].Metadata.Name
	if at := bridge.mounted(t, volume); !strings.HasPrefix(f.Store.Pebble.Dir, at+"/") {
		t.Errorf("the store %s is not on the volume at %s", f.Store.Pebble.Dir, at)
	}
}

// The sidecar asks the bridge where it listens by default, the probes and the
// rest of the cluster ask the sidecar, and nothing but three paths is passed on.
func TestKubernetesPorts(t *testing.T) {
	byDefault, err := config.Load(filepath.Join(root, "configs/minimal.yaml"), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	listen := topology(t).Admin.Listen
	if listen != byDefault.Admin.Listen {
		t.Errorf("the bridge listens on %s, which is not the default %s", listen, byDefault.Admin.Listen)
	}
	health := manifest(t)["ConfigMap"].Data["health.conf"]
	var paths []string
	for _, m := range regexp.MustCompile(`location (?:= )?(\S+) \{ proxy_pass (\S+);`).FindAllStringSubmatch(health, -1) {
		paths = append(paths, m[1])
		if m[2] != "http://"+listen {
			t.Errorf("%s is asked of %s, and the bridge listens on %s", m[1], m[2], listen)
		}
	}
	if !slices.Equal(paths, []string{"/livez", "/readyz", "/metrics"}) {
		t.Errorf("passed on: %q", paths)
	}
	spec := statefulSet(t).Template.Spec
	port := spec.InitContainers[0].Ports[0].Number
	if !strings.Contains(health, "listen "+strconv.Itoa(port)+";") {
		t.Errorf("the sidecar does not listen on %d", port)
	}
	c := spec.Containers[0]
	for want, p := range map[string][]*probe{"/livez": {c.Startup, c.Liveness}, "/readyz": {c.Readiness}} {
		for _, p := range p {
			if p == nil || p.HTTPGet.Path != want || p.HTTPGet.Port != port {
				t.Errorf("a probe of %s is %+v", want, p)
			}
		}
	}
}

// What the topology connects to is let out, and what probes and Prometheus ask
// is let in.
func TestKubernetesNetworkPolicy(t *testing.T) {
	type rule struct{ Ports []struct{ Port int } }
	var policy struct{ Ingress, Egress []rule }
	objects := manifest(t)
	objects["NetworkPolicy"].spec(t, &policy)
	open := func(rules []rule) (ports []int) {
		for _, r := range rules {
			for _, p := range r.Ports {
				ports = append(ports, p.Port)
			}
		}
		return ports
	}
	var service struct{ Ports []struct{ Port int } }
	objects["Service"].spec(t, &service)
	if in := open(policy.Ingress); len(in) != 1 || in[0] != service.Ports[0].Port {
		t.Errorf("in: %v, want the port of the service", in)
	}
	f, out := topology(t), open(policy.Egress)
	for _, b := range f.Brokers {
		for _, address := range addresses(b) {
			_, port, err := net.SplitHostPort(address)
			n, _ := strconv.Atoi(port)
			if err != nil || !slices.Contains(out, n) {
				t.Errorf("%s is not let out: %v, %v", b.Name, out, err)
			}
		}
	}
}

// addresses are what a broker is reached at.
func addresses(b config.Broker) []string {
	if b.Kafka != nil {
		return b.Kafka.Brokers
	}
	url := b.AMQP.URL.Reveal()
	return []string{regexp.MustCompile(`@([^/]+)/`).FindStringSubmatch(url)[1]}
}

// unit reads a systemd unit: the values of "Section.Key", in their order.
func unit(t *testing.T) map[string][]string {
	t.Helper()
	values, section := map[string][]string{}, ""
	for i, line := range strings.Split(read(t, "bridge.service"), "\n") {
		line = strings.TrimSpace(line)
		key, value, isValue := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[' && strings.HasSuffix(line, "]"):
			section = line[1 : len(line)-1]
		case section != "" && isValue && regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(key):
			values[section+"."+key] = append(values[section+"."+key], value)
		default:
			t.Errorf("line %d is no setting: %q", i+1, line)
		}
	}
	return values
}

func TestUnit(t *testing.T) {
	u := unit(t)
	for key, want := range map[string]string{
		"Service.Type":                     "exec", // bridge run does not speak sd_notify
		"Service.ExecStart":                "/usr/bin/bridge run -c /etc/bridge/bridge.yaml",
		"Service.Restart":                  "on-failure",
		"Service.RestartPreventExitStatus": "2",
		"Service.KillSignal":               "SIGTERM",
		"Service.StateDirectory":           "bridge",
		"Service.WorkingDirectory":         "/var/lib/bridge", // the default store is beside it
		"Service.DynamicUser":              "yes",
		"Service.NoNewPrivileges":          "yes",
		"Service.ProtectSystem":            "strict",
		"Install.WantedBy":                 "multi-user.target",
	} {
		if got := strings.Join(u[key], " "); got != want {
			t.Errorf("%s=%s, want %s", key, got, want)
		}
	}
}

// A stop has time to settle and park, and to close after that.
func TestGraceIsLongerThanTheDrain(t *testing.T) {
	stop, err := time.ParseDuration(strings.Join(unit(t)["Service.TimeoutStopSec"], " "))
	if err != nil || stop <= 2*drain {
		t.Errorf("TimeoutStopSec is %s, %v", stop, err)
	}
	if grace := time.Duration(statefulSet(t).Template.Spec.Grace) * time.Second; grace <= 2*drain {
		t.Errorf("terminationGracePeriodSeconds is %s", grace)
	}
}

// made is what `make release-files` makes, and what packages install.
var made = regexp.MustCompile(`^(bin/release/|/)`)

func TestGoreleaserNamesWhatExists(t *testing.T) {
	text := read(t, filepath.Join(root, ".goreleaser.yaml"))
	dec := yaml.NewDecoder(strings.NewReader(text))
	var all yaml.Node
	if err := dec.Decode(&all); err != nil {
		t.Fatal(err)
	}
	var some struct {
		Builds   []struct{ Main string }
		Archives []struct{ Files []yaml.Node }
		Nfpms    []struct {
			Contents []struct{ Src string }
		}
		Images []struct{ Dockerfile string } `yaml:"dockers_v2"`
	}
	if err := all.Decode(&some); err != nil {
		t.Fatal(err)
	}
	named := []string{some.Builds[0].Main, some.Images[0].Dockerfile}
	for _, f := range some.Archives[0].Files {
		if f.Kind == yaml.ScalarNode {
			named = append(named, f.Value)
		}
	}
	for _, c := range some.Nfpms[0].Contents {
		named = append(named, c.Src)
	}
	if len(named) < 15 {
		t.Errorf("only %q is named", named)
	}
	for _, name := range named {
		found, err := filepath.Glob(filepath.Join(root, name))
		if !made.MatchString(name) && (err != nil || len(found) == 0) {
			t.Errorf("%s does not exist", name)
		}
	}
	for _, name := range []string{"bin/release/man/", "bin/release/completions/bridge.bash", "bin/release/completions/_bridge", "bin/release/completions/bridge.fish"} {
		if !strings.Contains(text, name) || !strings.Contains(read(t, filepath.Join(root, "Makefile")), strings.TrimSuffix(name, "/")) {
			t.Errorf("%s is not made by the Makefile, or not packed", name)
		}
	}
}

// A release is built as `make build` does, and so is the image.
func TestOneWayToBuild(t *testing.T) {
	flags := regexp.MustCompile(`-s -w -X main\.version=`)
	for _, name := range []string{"Makefile", ".goreleaser.yaml", "scripts/release/Containerfile"} {
		text := read(t, filepath.Join(root, name))
		if !flags.MatchString(text) || !strings.Contains(text, "-trimpath") || !strings.Contains(text, "CGO_ENABLED=0") {
			t.Errorf("%s builds otherwise", name)
		}
	}
}

// The image starts what the unit starts, and has the stages that are asked for.
func TestContainerfile(t *testing.T) {
	text := read(t, "Containerfile")
	for _, want := range []string{
		`ENTRYPOINT ["/usr/bin/bridge"]`, `CMD ["run", "-c", "/etc/bridge/bridge.yaml"]`,
		"VOLUME /var/lib/bridge", "USER 65532:65532", "AS packaged",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	goMod := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, filepath.Join(root, "go.mod")))
	if !strings.Contains(text, "FROM golang:"+goMod[1]+" ") {
		t.Errorf("the image is not built with Go %s", goMod[1])
	}
}

// Nothing here is read by nobody: README.md names each file.
func TestReadmeNamesEveryFile(t *testing.T) {
	text := []byte(read(t, "README.md"))
	files, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		ext := path.Ext(name)
		if name != "README.md" && ext != ".go" && ext != ".sum" && !bytes.Contains(text, []byte("`"+name+"`")) {
			t.Errorf("README.md does not say what %s is", name)
		}
	}
}

package e2e

import (
	"fmt"
	"strings"
)

// Route writes one route of a topology file. Its zero parts leave the bridge's
// defaults in force.
type Route struct {
	Name     string  // default "orders"
	From     []Place // one, or several
	To       Place
	Window   int
	Trust    string // which headers of the source are believed
	Key      string // default "header.key"
	Revision string // default "header.revision"
	First    string // default "1"
	Gap      string // "{ hold: 0, … }"
	Order    string // further settings of the order, "max_jump: 5, …"
	By       string // default "revision"; others have no settings but those of Order
	Rest     string // further settings of the route, each on a line of its own
	Declare  string // the topic's, "{ partitions: 6 }"
	Stamp    string // the target's, "revision"
	Headers  string // the target's, "text"

	DeadLetters bool // the source holds what others gave up; sets By to "none"
}

// String is the route as YAML.
func (r Route) String() string {
	var b strings.Builder
	taken := ""
	if r.DeadLetters {
		r.By, taken = "none", "true"
	}
	fmt.Fprintf(&b, "  - name: %s\n    from:\n", or(r.Name, "orders"))
	for _, p := range r.From {
		fmt.Fprintf(&b, "      - { %s%s }\n", p.source(), setting("window", r.Window)+text("trust", r.Trust)+text("dead_letters", taken))
	}
	fmt.Fprintf(&b, "    to: { %s%s }\n", r.To.yaml(), text("declare", r.Declare)+text("stamp", r.Stamp)+text("headers", r.Headers))
	order := fmt.Sprintf("revision, key: %s, revision: %s, first: %s%s",
		or(r.Key, "header.key"), or(r.Revision, "header.revision"), or(r.First, "1"), text("gap", r.Gap))
	fmt.Fprintf(&b, "    order: { by: %s%s }\n", or(r.By, order), more(r.Order))
	for line := range strings.Lines(r.Rest) {
		b.WriteString("    " + strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func setting(name string, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %s: %d", name, n)
}

func text(name, value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf(", %s: %s", name, value)
}

func more(settings string) string {
	if settings == "" {
		return ""
	}
	return ", " + settings
}

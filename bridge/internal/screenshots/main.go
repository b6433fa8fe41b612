// Command screenshots takes the pictures of the docs: it builds the bridge, runs
// its demo with the console, and looks at the pages with headless Chromium. It is
// what `make screenshots` runs.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/internal/browser"
)

func main() {
	dir := flag.String("dir", "docs/pictures", "where the pictures go")
	all := flag.Bool("all", false, "every page, in light, dark and on a phone: to be looked at, not for the docs")
	age := flag.Duration("age", 45*time.Second, "how long the demo runs before it is looked at")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dir, *all, *age); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1) //nolint:gocritic // what is deferred is for the signal only
	}
}

func run(ctx context.Context, dir string, all bool, age time.Duration) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	d, err := start(ctx)
	if err != nil {
		return err
	}
	defer d.stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(age):
	}
	b, err := browser.Open(ctx, d.url)
	if err != nil {
		return err
	}
	defer b.Close()
	s := &studio{dir: dir, demo: d, browser: b, all: all}
	return s.pictures(ctx)
}

// demo is a running `bridge demo console`.
type demo struct {
	url  string
	api  *client.Client
	stop func()
}

var address = regexp.MustCompile(`http://\S+`)

// start builds the bridge and runs its demo.
func start(ctx context.Context) (*demo, error) {
	dir, err := os.MkdirTemp("", "bridge-screenshots")
	if err != nil {
		return nil, err
	}
	d := &demo{stop: func() { _ = os.RemoveAll(dir) }}
	program := filepath.Join(dir, "bridge")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/bridge")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return d, fmt.Errorf("build the bridge: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "demo", "console", "--listen", "127.0.0.1:0", "--rate", "200", "--seed", "8")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return d, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return d, err
	}
	d.stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if d.url = address.FindString(lines.Text()); d.url != "" {
			d.api, err = client.New(d.url, client.Options{})
			return d, err
		}
	}
	d.stop()
	return nil, errors.New("the demo did not say where its console is")
}

// studio takes pictures.
type studio struct {
	dir     string
	demo    *demo
	browser *browser.Browser
	all     bool
}

// shot is a page, and the pictures of it that the docs show, by how their names end.
type shot struct {
	name    string
	path    string
	docs    []string
	missing bool // the page says that there is nothing
}

// pictures takes them all.
func (s *studio) pictures(ctx context.Context) error {
	pages, err := s.pages(ctx)
	if err != nil {
		return err
	}
	for _, p := range pages {
		for ending, look := range s.looks(p) {
			if err := s.take(p, p.name+ending, look); err != nil {
				return err
			}
		}
	}
	return nil
}

// looks are how a page is looked at, by the ending of the picture's name.
func (s *studio) looks(p shot) map[string]browser.Look {
	all := map[string]browser.Look{
		"": browser.Desktop, "-dark": browser.Desktop.InTheDark(),
		"-phone": browser.Phone, "-phone-dark": browser.Phone.InTheDark(),
	}
	if s.all {
		return all
	}
	maps.DeleteFunc(all, func(ending string, _ browser.Look) bool { return !slices.Contains(p.docs, ending) })
	return all
}

func (s *studio) take(p shot, name string, look browser.Look) error {
	if err := s.browser.As(look); err != nil {
		return err
	}
	if err := s.browser.Go(p.path); err != nil {
		return err
	}
	wide, err := s.browser.Wide()
	if err != nil {
		return err
	}
	if wide > 0 {
		return fmt.Errorf("%s (%s) is %d pixels wider than its window", name, p.path, wide)
	}
	faults := slices.DeleteFunc(s.browser.Faults(), func(f string) bool { return p.missing && strings.Contains(f, "404") })
	if len(faults) > 0 {
		return fmt.Errorf("%s (%s) has faults:\n%s", name, p.path, strings.Join(faults, "\n"))
	}
	return s.browser.Picture(filepath.Join(s.dir, name+".png"))
}

// pages are what there is to see in the demo.
func (s *studio) pages(ctx context.Context) ([]shot, error) {
	worst, letter, err := s.worst(ctx)
	if err != nil {
		return nil, err
	}
	begun, err := s.demo.api.Begin(ctx, "invoices", api.Request{
		Action: "redrive", Reason: "the topic takes larger messages now", By: "ann", Canary: 1, Selection: api.Selection{Reason: "too_large"},
	})
	if err != nil {
		return nil, fmt.Errorf("begin an operation: %w", err)
	}
	route := "/routes/payments"
	light := []string{""}
	return []shot{
		{name: "overview", path: "/?hours=1", docs: []string{"", "-dark", "-phone"}},
		{name: "route", path: route + "/?hours=1", docs: light},
		{name: "dead-letters", path: "/dead-letters", docs: light},
		{name: "group", path: route + "/dead-letters?group=" + worst.Fingerprint},
		{name: "message", path: route + "/dead-letters/" + letter.ID, docs: light},
		{name: "plan", path: route + "/act?do=redrive&canary=1&group=" + worst.Fingerprint, docs: light},
		{name: "discard", path: route + "/act?do=discard&id=" + letter.ID},
		{name: "edit", path: route + "/dead-letters/" + letter.ID + "/edit"},
		{name: "archive", path: route + "/archive"},
		{name: "keys", path: "/keys"},
		{name: "key", path: route + "/keys/" + letter.Raw(), docs: light},
		{name: "operations", path: "/operations"},
		{name: "operation", path: "/routes/invoices/operations/" + begun.Operation.ID, docs: light},
		{name: "skips", path: "/skips"},
		{name: "audit", path: "/audit"},
		{name: "search", path: "/search?q=customer-00"},
		{name: "search-empty", path: "/search"},
		{name: "pause", path: route + "/act?do=pause"},
		{name: "nowhere", path: "/nowhere", missing: true},
		{name: "unknown-key", path: route + "/keys/nobody", missing: true},
	}, nil
}

// worst is the cause of the payments for which most waits, and one of its dead
// letters.
func (s *studio) worst(ctx context.Context) (g api.Group, d api.DeadLetter, err error) {
	for g, err = range s.demo.api.Groups(ctx, "payments", "parked") {
		break
	}
	if err != nil {
		return g, d, err
	}
	for d, err = range s.demo.api.DeadLetters(ctx, "payments", client.List{Group: g.Fingerprint, Limit: 1}) {
		return g, d, err
	}
	return g, d, errors.New("no payment was refused: let the demo run for longer, with -age")
}

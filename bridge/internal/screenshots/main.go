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
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
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
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // pictures for the docs are for everybody
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
	if err := s.pictures(ctx); err != nil {
		return err
	}
	if faults := b.Faults(); len(faults) > 0 {
		return fmt.Errorf("the pages have faults:\n%s", strings.Join(faults, "\n"))
	}
	return nil
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

// shot is a picture.
type shot struct {
	name string
	path string
	look browser.Look
	docs bool // it is one of those that the docs show
}

// pictures takes them all.
func (s *studio) pictures(ctx context.Context) error {
	pages, err := s.pages(ctx)
	if err != nil {
		return err
	}
	for _, p := range pages {
		shots := []shot{p}
		if s.all {
			dark, phone, night := p, p, p
			dark.name, dark.look = p.name+"-dark", browser.Desktop.InTheDark()
			phone.name, phone.look = p.name+"-phone", browser.Phone
			night.name, night.look = p.name+"-phone-dark", browser.Phone.InTheDark()
			shots = append(shots, dark, phone, night)
		}
		for _, one := range shots {
			if !s.all && !one.docs {
				continue
			}
			if err := s.take(one); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *studio) take(p shot) error {
	if err := s.browser.As(p.look); err != nil {
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
		return fmt.Errorf("%s (%s) is %d pixels wider than its window", p.name, p.path, wide)
	}
	return s.browser.Picture(filepath.Join(s.dir, p.name+".png"))
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
	key := route + "/keys/" + letter.Raw()
	return []shot{
		{"overview", "/", browser.Desktop, true},
		{"overview-phone", "/", browser.Phone, true},
		{"overview-dark", "/", browser.Desktop.InTheDark(), true},
		{"route", route + "/", browser.Desktop, true},
		{"dead-letters", "/dead-letters", browser.Desktop, true},
		{"group", route + "/dead-letters?group=" + worst.Fingerprint, browser.Desktop, false},
		{"message", route + "/dead-letters/" + letter.ID, browser.Desktop, true},
		{"plan", route + "/act?do=redrive&canary=1&group=" + worst.Fingerprint, browser.Desktop, true},
		{"discard", route + "/act?do=discard&id=" + letter.ID, browser.Desktop, false},
		{"edit", route + "/dead-letters/" + letter.ID + "/edit", browser.Desktop, false},
		{"archive", route + "/archive", browser.Desktop, false},
		{"keys", "/keys", browser.Desktop, false},
		{"key", key, browser.Desktop, true},
		{"operations", "/operations", browser.Desktop, false},
		{"operation", "/routes/invoices/operations/" + begun.Operation.ID, browser.Desktop, true},
		{"skips", "/skips", browser.Desktop, false},
		{"audit", "/audit", browser.Desktop, false},
		{"search", "/search?q=customer-0", browser.Desktop, false},
		{"search-empty", "/search", browser.Desktop, false},
		{"nowhere", "/nowhere", browser.Desktop, false},
		{"unknown-key", route + "/keys/nobody", browser.Desktop, false},
		{"pause", route + "/act?do=pause", browser.Desktop, false},
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

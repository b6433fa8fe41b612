package main

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// willing is an operator that would do whatever it is asked for.
type willing struct{ admin.Operator }

func (willing) Skip(context.Context, string, string, api.Change) (api.Outcome, error) {
	return api.Outcome{Says: "would skip"}, nil
}

func (willing) Release(context.Context, string, string, api.Change) (api.Outcome, error) {
	return api.Outcome{Says: "would release"}, nil
}

func (willing) CloseSkip(context.Context, string, string, api.Change) (api.Outcome, error) {
	return api.Outcome{Says: "would close"}, nil
}

func (willing) Purge(context.Context, string, string, api.Change) (api.Outcome, error) {
	return api.Outcome{Says: "would purge"}, nil
}

func (willing) Operations(context.Context, string) ([]api.Operation, error) { return nil, nil }

func (willing) Operation(context.Context, string, string) (api.Operation, error) {
	return api.Operation{}, &api.Error{Code: api.UnknownOperation, Message: "there is none"}
}

// pagesOf serves the console of a bridge that has nothing to show.
func pagesOf(t *testing.T) string {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Open(t.Context(), store.Identity{Route: "orders"}); err != nil {
		t.Fatal(err)
	}
	srv, err := admin.New(admin.Config{
		Listen: "127.0.0.1:0", Store: s, Operator: willing{}, Logger: slog.New(slog.DiscardHandler),
		Routes: func(context.Context) []status.Route { return []status.Route{{Name: "orders", State: status.Running}} },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + srv.Addr()
}

// What a page of the console says is the same as its button is a command that there
// is, with the flags that it has, about the same key.
func TestCommandsOnThePagesOfKeysAreOurs(t *testing.T) {
	base := pagesOf(t)
	for _, key := range []string{"4711", "a b", "--it's", "-", "$HOME", "\xff\x1b", "a\nb", `"\`} {
		for _, c := range []struct{ path, flags string }{
			{"/routes/orders/act?do=skip&to=9&epoch=1", "to=9 epoch=1 route=orders reason=…"},
			{"/routes/orders/act?do=release", "new-epoch=false route=orders"},
			{"/routes/orders/act?do=release&new_epoch=true&reason=on purpose", "new-epoch=true reason=on_purpose"},
			{"/routes/orders/act?do=close&from=2&epoch=0", "from=2 epoch=0 reason=…"},
			{"/routes/orders/act?do=purge", "yes=false reason=…"},
			{"/audit?route=orders", "route=orders limit=0 output=jsonl key=KEY"},
			{"/search?q=--x+error:%22not+found%22&route=orders", "route=orders"},
			{"/audit/verify?expect=" + url.QueryEscape("812:9f"), "expect=812:9f"},
		} {
			page := pageAt(t, base+strings.ReplaceAll(c.path, " ", "+")+"&key="+url.QueryEscape(key))
			m := printed.FindAllStringSubmatch(page, -1)
			if len(m) == 0 {
				t.Errorf("%s of %q has no command", c.path, key)
				continue
			}
			line, _, _ := strings.Cut(html.UnescapeString(m[len(m)-1][1]), " > ")
			typed := words(t, line)
			cmd, rest, err := newRoot().Find(typed[1:])
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil {
				err = cmd.ValidateRequiredFlags()
			}
			args := cmd.Flags().Args()
			if err == nil && cmd.Args != nil {
				err = cmd.Args(cmd, args)
			}
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			if len(args) > 0 && args[0] != key && cmd.Name() != "search" {
				t.Errorf("%s is about %q, not %q", line, args[0], key)
			}
			for _, want := range strings.Split(c.flags, " ") {
				name, value, _ := strings.Cut(want, "=")
				value = strings.ReplaceAll(strings.ReplaceAll(value, "_", " "), "KEY", key)
				if f := cmd.Flags().Lookup(name); f == nil || f.Value.String() != value {
					t.Errorf("%s: --%s is %v, want %q", line, name, f, value)
				}
			}
		}
	}
}

func pageAt(t *testing.T, at string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v %s", at, resp.StatusCode, err, body)
	}
	return string(body)
}

package main

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin"
	"github.com/brokerbridge/bridge/bridge/config"
)

func TestWhereABridgeIsAsked(t *testing.T) {
	encrypts := &config.ServerTLS{Cert: "c", Key: "k"}
	for _, c := range []struct {
		admin   config.Admin
		address string
		want    string
	}{
		{config.Admin{}, "127.0.0.1:8321", "http://127.0.0.1:8321"},
		{config.Admin{}, "localhost:1", "http://localhost:1"},
		{config.Admin{TLS: encrypts}, "192.0.2.1:8321", "https://192.0.2.1:8321"},
		{config.Admin{TLS: encrypts}, "[::]:8321", "https://127.0.0.1:8321"},
		{config.Admin{TLS: encrypts, Hosts: []string{"bridge.example"}}, "0.0.0.0:8321", "https://bridge.example:8321"},
		{config.Admin{TLS: encrypts, Hosts: []string{"bridge.example"}}, "[::1]:8321", "https://[::1]:8321"},
		{config.Admin{BehindProxy: true, Hosts: []string{"bridge.example"}}, ":8321", "http://127.0.0.1:8321"},
	} {
		if got := urlOf(c.admin, c.address); got != c.want {
			t.Errorf("%+v at %s: %s, want %s", c.admin, c.address, got, c.want)
		}
	}
}

func TestTheTopologySaysWhoMayAsk(t *testing.T) {
	alice := config.Token{Name: "alice", Role: config.RoleOperator, Token: config.NewSecret(canary)}
	c := allow(config.Admin{
		Listen: ":1", TLS: &config.ServerTLS{Cert: "c", Key: "k", ClientCA: "a"}, ReadOnly: true, BehindProxy: true,
		Hosts: []string{"h"}, Tokens: []config.Token{alice},
	}, admin.Config{})
	if c.Listen != ":1" || *c.TLS != (admin.TLS{Cert: "c", Key: "k", ClientCA: "a"}) || !c.ReadOnly || !c.BehindProxy || c.Hosts[0] != "h" {
		t.Errorf("%+v", c)
	}
	if got := c.Tokens[0]; got != (admin.Token{Name: "alice", Role: admin.RoleOperator, Sum: alice.Sum()}) {
		t.Errorf("%+v", got)
	}
	for _, r := range []config.Role{config.RoleViewer, config.RoleOperator, config.RoleAdmin} {
		if _, ok := admin.ParseRole(string(r)); !ok {
			t.Errorf("the role %s is unknown to the API", r)
		}
	}
}

func TestTheStartSaysWhoMayAsk(t *testing.T) {
	alice := config.Token{Name: "alice", Role: config.RoleViewer, Token: config.NewSecret(canary)}
	for want, a := range map[string]config.Admin{
		`msg="the admin API is open to whoever is on this machine" may="read and change"`:                                     {},
		`msg="the admin API is open to whoever is on this machine" may=read`:                                                  {ReadOnly: true},
		`msg="the admin API wants a token" of="alice (viewer)" may="read and change" over=http`:                               {Tokens: []config.Token{alice}},
		`msg="the admin API wants a token" of="alice (viewer), alice (viewer)" may="read and change" over="http, behind a pr`: {Tokens: []config.Token{alice, alice}, BehindProxy: true},
	} {
		var log output
		if sayWhoMayAsk(slog.New(slog.NewTextHandler(&log, nil)), a); !strings.Contains(log.String(), want) || strings.Contains(log.String(), canary) {
			t.Errorf("got %s, want %s", &log, want)
		}
	}
}

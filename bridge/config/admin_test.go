package config

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestAdminAsItIsGiven(t *testing.T) {
	a := load(t, "testdata/good/admin.yaml").Admin
	if a.Off || a.Listen != "0.0.0.0:8321" || a.BehindProxy || !a.ReadOnly || !a.NoConsole ||
		*a.TLS != (ServerTLS{Cert: "bridge.pem", Key: "bridge.key", ClientCA: "people.pem"}) ||
		!reflect.DeepEqual(a.Hosts, []string{"bridge.example", "10.1.2.3"}) {
		t.Errorf("%+v", a)
	}
	for i, want := range []struct {
		name, token string
		role        Role
	}{
		{"alice", "hunter2-hunter2-hunter2", RoleAdmin},
		{"prometheus", "hello", RoleViewer},
		{"night-shift", "hunter2hunter2hunter2", RoleOperator},
	} {
		if got := a.Tokens[i]; got.Name != want.name || got.Role != want.role || got.Sum() != sha256.Sum256([]byte(want.token)) {
			t.Errorf("%+v, want %s", got, want.name)
		}
	}
	proxied := load(t, "testdata/good/admin-behind-proxy.yaml").Admin
	if !proxied.BehindProxy || proxied.NoConsole || proxied.TLS != nil || len(proxied.Hosts) != 1 {
		t.Errorf("%+v", proxied)
	}
}

func TestI11TokensDoNotPrint(t *testing.T) {
	f := load(t, "testdata/good/admin.yaml")
	asJSON, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	all := string(asJSON) + fmt.Sprintf("%+v %#v %+v", f, f, f.Admin.Tokens)
	if low := strings.ToLower(all); strings.Contains(low, secretWord) || strings.Contains(low, "2cf24dba") {
		t.Error(all)
	}
}

func TestWhichAddressesOthersReach(t *testing.T) {
	for address, alone := range map[string]bool{
		"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, "127.9.9.9:0": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "192.0.2.1:1": false, "localhost.example:1": false, "127.0.0.1": false,
	} {
		if isLoopback(address) != alone {
			t.Errorf("%s is reached from this machine only: %t", address, !alone)
		}
	}
}

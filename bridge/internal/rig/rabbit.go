package rig

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Erlang evaluates an expression in the node of RabbitMQ, and fails the test if
// that fails. It costs a second or two.
func Erlang(t testing.TB, format string, args ...any) {
	t.Helper()
	Brokers(t, "ctl", "eval", fmt.Sprintf(format, args...)+", ok.")
}

// Listener is one with TLS: the server's certificate, and further options of
// Erlang's ssl, such as {verify,verify_peer}.
type Listener struct{ Cert, Key, Options string }

// SecureAMQP has RabbitMQ listen with TLS, as long as the test runs, and returns
// where. ca has the authorities of clients.
func SecureAMQP(t testing.TB, ca string, listeners ...Listener) (addrs []string) {
	t.Helper()
	start, stop := []string{"{ok, _} = application:ensure_all_started(ssl)"}, []string{}
	for _, l := range listeners {
		addr := Address(t)
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		options := fmt.Sprintf("{cacertfile,%q},{certfile,%q},{keyfile,%q}", ca, l.Cert, l.Key)
		if l.Options != "" {
			options += "," + l.Options
		}
		start = append(start, fmt.Sprintf("ok = rabbit_networking:start_ssl_listener({%q, %s}, [%s], 1)", host, port, options))
		stop = append(stop, fmt.Sprintf("rabbit_networking:stop_tcp_listener({%q, %s})", host, port))
		addrs = append(addrs, addr)
	}
	Erlang(t, "%s", strings.Join(start, ", "))
	t.Cleanup(func() { Erlang(t, "%s", strings.Join(stop, ", ")) })
	return addrs
}

// User is one of RabbitMQ's, gone with the test.
type User struct {
	Name string
	// Password is in a file, for those who read it again.
	Password string
}

// Rights are what a user may do, as patterns of names.
type Rights struct{ Configure, Write, Read string }

// NewUser makes a user.
func NewUser(t testing.TB, may Rights) *User {
	t.Helper()
	return NewUsers(t, may)[0]
}

// NewUsers makes users, at the price of one.
func NewUsers(t testing.TB, may ...Rights) (users []*User) {
	t.Helper()
	var add, remove []string
	for _, rights := range may {
		u := &User{Name: Name(t), Password: filepath.Join(t.TempDir(), "password")}
		u.Write(t, "secret")
		add = append(add, fmt.Sprintf(`rabbit_auth_backend_internal:add_user(<<%q>>, <<"secret">>, <<"test">>), %s`, u.Name, u.permissions(rights)))
		remove = append(remove, fmt.Sprintf(`rabbit_auth_backend_internal:delete_user(<<%q>>, <<"test">>)`, u.Name))
		users = append(users, u)
	}
	Erlang(t, "%s", strings.Join(add, ", "))
	t.Cleanup(func() { Erlang(t, "%s", strings.Join(remove, ", ")) })
	return users
}

// May changes what the user may do, and cuts its connections: RabbitMQ remembers
// for a while what a channel may do.
func (u *User) May(t testing.TB, may Rights) {
	t.Helper()
	Erlang(t, "%s, %s", u.permissions(may), u.Cutting())
}

// Change changes the password in RabbitMQ and cuts the user's connections. The
// file is as it was.
func (u *User) Change(t testing.TB, password string) {
	t.Helper()
	Erlang(t, `rabbit_auth_backend_internal:change_password(<<%q>>, <<%q>>, <<"test">>), %s`, u.Name, password, u.Cutting())
}

// Cut cuts the user's connections.
func (u *User) Cut(t testing.TB) {
	t.Helper()
	Erlang(t, "%s", u.Cutting())
}

// Cutting is the Erlang that cuts the user's connections.
func (u *User) Cutting() string {
	return fmt.Sprintf(`[rabbit_networking:close_connection(rabbit_misc:pget(pid, C), "test") || `+
		`C <- rabbit_networking:connection_info_all([pid, user]), rabbit_misc:pget(user, C) =:= <<%q>>]`, u.Name)
}

func (u *User) permissions(may Rights) string {
	return fmt.Sprintf(`rabbit_auth_backend_internal:set_permissions(<<%q>>, <<"/">>, <<"%s">>, <<"%s">>, <<"%s">>, <<"test">>)`,
		u.Name, escaped(may.Configure), escaped(may.Write), escaped(may.Read))
}

// Write writes the password's file.
func (u *User) Write(t testing.TB, password string) {
	t.Helper()
	if err := os.WriteFile(u.Password+".new", []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(u.Password+".new", u.Password); err != nil {
		t.Fatal(err)
	}
}

// URL is how a topology file writes the user's address at a host and port; empty:
// where RabbitMQ listens without TLS.
func (u *User) URL(t testing.TB, scheme, addr string) string {
	t.Helper()
	if addr == "" {
		address, err := url.Parse(AMQP(t))
		if err != nil {
			t.Fatal(err)
		}
		addr = address.Host
	}
	return fmt.Sprintf("%s://%s:${file:%s}@%s/", scheme, url.PathEscape(u.Name), u.Password, addr)
}

// escaped is a pattern within quotes of Erlang.
func escaped(pattern string) string { return strings.ReplaceAll(pattern, `\`, `\\`) }

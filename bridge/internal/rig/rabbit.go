package rig

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// Erlang evaluates an expression in the node of RabbitMQ, and fails the test if
// that fails. It costs a second or two.
func Erlang(t testing.TB, format string, args ...any) {
	t.Helper()
	Brokers(t, "ctl", "eval", fmt.Sprintf(format, args...)+", ok.")
}

// SecureAMQP has RabbitMQ listen with TLS, as long as the test runs, and returns
// where. options are further ones of Erlang's ssl, such as {verify,verify_peer}.
func SecureAMQP(t testing.TB, ca, cert, key, options string) (addr string) {
	t.Helper()
	addr = Address(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	listener := fmt.Sprintf("{%q, %s}", host, port)
	if options != "" {
		options = ", " + options
	}
	Erlang(t, "{ok, _} = application:ensure_all_started(ssl), "+
		"ok = rabbit_networking:start_ssl_listener(%s, [{cacertfile,%q},{certfile,%q},{keyfile,%q}%s], 1)", listener, ca, cert, key, options)
	t.Cleanup(func() { Erlang(t, "rabbit_networking:stop_tcp_listener(%s)", listener) })
	return addr
}

// User is one of RabbitMQ's, gone with the test.
type User struct {
	Name string
	// Password is in a file, for those who read it again.
	Password string
}

// NewUser makes one who may do what the patterns say: configure, write, read.
func NewUser(t testing.TB, configure, write, read string) *User {
	t.Helper()
	u := &User{Name: Name(t), Password: filepath.Join(t.TempDir(), "password")}
	u.Write(t, "secret")
	Erlang(t, `rabbit_auth_backend_internal:add_user(<<%q>>, <<"secret">>, <<"test">>), %s`, u.Name, u.permissions(configure, write, read))
	t.Cleanup(func() { Brokers(t, "ctl", "delete_user", u.Name) })
	return u
}

// May changes what the user may do, and cuts its connections: RabbitMQ remembers
// for a while what a channel may do.
func (u *User) May(t testing.TB, configure, write, read string) {
	t.Helper()
	Erlang(t, "%s, %s", u.permissions(configure, write, read), u.Cutting())
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

func (u *User) permissions(configure, write, read string) string {
	return fmt.Sprintf(`rabbit_auth_backend_internal:set_permissions(<<%q>>, <<"/">>, <<%q>>, <<%q>>, <<%q>>, <<"test">>)`,
		u.Name, configure, write, read)
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

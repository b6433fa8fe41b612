package amqp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
)

// The ports of RabbitMQ's management interface, plain and encrypted.
const (
	managementPort  = "15672"
	managementPorts = "15671"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 8 << 20

// errHidden says that the user may not ask this.
var errHidden = errors.New("the user may not ask")

// errNoLogin says that there is nobody in whose name to ask.
var errNoLogin = errors.New("it wants a user and a password, and the login by certificate (auth_mechanism: external) has none")

// manager asks RabbitMQ's management interface, with GET only.
type manager struct {
	base           *url.URL // without user and password
	user, password string
	client         *http.Client
}

// manager finds out where to ask: as configured, or where it is by default.
// Passwords go over an encrypted line where those of AMQP do.
func (b *Broker) manager() (*manager, error) {
	uri, _, err := b.address()
	if err != nil {
		return nil, err
	}
	login := b.login(uri)
	m := &manager{user: login.Username, password: login.Password}
	m.base = &url.URL{Scheme: "http", Host: net.JoinHostPort(uri.Host, managementPort)}
	if uri.Scheme == "amqps" {
		m.base = &url.URL{Scheme: "https", Host: net.JoinHostPort(uri.Host, managementPorts)}
	}
	if !b.cfg.Management.IsZero() {
		u, err := url.Parse(b.access.Secret("amqp.management", b.cfg.Management))
		if err != nil {
			return nil, errors.New("the address of the management interface is no URL") // the error would show it
		}
		if u.User != nil {
			m.user = u.User.Username()
			m.password, _ = u.User.Password()
		}
		m.base = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}
	}
	m.client = &http.Client{
		Transport: &http.Transport{DialTLSContext: b.dialTLS, DisableKeepAlives: true, ResponseHeaderTimeout: dialTimeout},
		Timeout:   dialTimeout,
		// Who redirects would be told the password.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return m, nil
}

// login is who logs in with a password; nobody, where a certificate says who we
// are: the client's own default is guest then.
func (b *Broker) login(uri amqp.URI) amqp.PlainAuth {
	if b.cfg.AuthMechanism == config.AuthExternal {
		return amqp.PlainAuth{}
	}
	return amqp.PlainAuth{Username: uri.Username, Password: uri.Password}
}

func (b *Broker) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	return b.access.Dial(ctx, new(net.Dialer).DialContext, network, addr)
}

// get asks for what is at a path, whose parts are escaped, and reads the answer.
func (m *manager) get(ctx context.Context, into any, path ...string) error {
	for i, part := range path {
		path[i] = url.PathEscape(part)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base.String()+"/api/"+strings.Join(path, "/"), nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth(m.user, m.password)
	resp, err := m.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the URL, which is said already
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		return errHidden
	default:
		return fmt.Errorf("it answers %s", resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into); err != nil {
		return errors.New("it answers with something else than RabbitMQ's management interface would")
	}
	return nil
}

// manage adds what the management interface tells.
func (b *Broker) manage(ctx context.Context, found *survey.AMQP) {
	m, err := b.manager()
	if err != nil {
		found.Management.Err = err
		return
	}
	found.Management.URL = m.base.String()
	if m.user == "" {
		found.Management.Err = errNoLogin
		return
	}
	began := time.Now()
	var who struct{ Name string }
	if err := m.get(ctx, &who, "whoami"); err != nil {
		if errors.Is(err, errHidden) {
			err = fmt.Errorf("user %q may not use it (a tag such as management is missing), or the password is another one", m.user)
		}
		found.Management.Err = fmt.Errorf("%w (after %v)", err, time.Since(began).Round(time.Second))
		return
	}
	m.tellRights(ctx, found)
	m.tellAlarms(ctx, found)
	for name, q := range found.Queues {
		if !q.Missing {
			q.Details = m.queue(ctx, found, name)
		}
	}
	for name, e := range found.Exchanges {
		if !e.Missing {
			e.Details = m.exchange(ctx, found, name)
		}
	}
}

// hide notes a question that was not answered.
func (m *manager) hide(found *survey.AMQP, question string, err error) {
	if errors.Is(err, errHidden) {
		question += fmt.Sprintf(": needs a tag that user %q does not have", m.user)
	} else {
		question += ": " + err.Error()
	}
	found.Management.Hidden = append(found.Management.Hidden, question)
}

func (m *manager) tellRights(ctx context.Context, found *survey.AMQP) {
	if found.User == "" {
		m.hide(found, "permissions", errors.New("the certificate says who the user is"))
		return
	}
	var rights struct{ Configure, Write, Read string }
	if err := m.get(ctx, &rights, "permissions", found.VHost, found.User); err != nil {
		m.hide(found, "permissions", err)
		return
	}
	found.Rights = &survey.Permissions{Configure: rights.Configure, Write: rights.Write, Read: rights.Read}
}

func (m *manager) tellAlarms(ctx context.Context, found *survey.AMQP) {
	var nodes []struct {
		Name          string
		MemAlarm      bool `json:"mem_alarm"`
		DiskFreeAlarm bool `json:"disk_free_alarm"`
	}
	if err := m.get(ctx, &nodes, "nodes"); err != nil {
		m.hide(found, "alarms", err)
		return
	}
	for _, n := range nodes {
		if n.MemAlarm {
			found.Alarms = append(found.Alarms, "memory on "+n.Name)
		}
		if n.DiskFreeAlarm {
			found.Alarms = append(found.Alarms, "disk on "+n.Name)
		}
	}
}

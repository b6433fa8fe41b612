package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Management returns the address of RabbitMQ's management interface, with user and
// password, and turns it on if nothing answers there.
func Management(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(AMQP(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Scheme, u.Host, u.Path = "http", net.JoinHostPort(u.Hostname(), "15672"), ""
	if !reachable(u.Host) {
		Brokers(t, "plugin", "rabbitmq_management")
	}
	return u.String()
}

// Manage has RabbitMQ's management interface do something: a method such as PUT, a
// path below /api/ and what is sent as JSON. It returns how it was answered.
func Manage(t testing.TB, method, path string, body any) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	doc, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, Management(t)+"/api/"+path, bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

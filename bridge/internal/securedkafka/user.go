package securedkafka

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/brokerbridge/bridge/bridge/internal/certs"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// Client is one that may do everything.
func (c *Cluster) Client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.Admin), kgo.MetadataMinAge(50 * time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Topic creates a topic.
func (c *Cluster) Topic(t testing.TB, partitions int32) string {
	t.Helper()
	name := rig.Name(t)
	if _, err := kadm.NewClient(c.Client(t)).CreateTopic(t.Context(), partitions, 1, nil, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// User makes a user with SCRAM of both kinds, or changes its password.
func (c *Cluster) User(t testing.TB, name, password string) {
	t.Helper()
	admin := kadm.NewClient(c.Client(t))
	for _, m := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} { // a request may name a user once
		all, err := admin.AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{{User: name, Mechanism: m, Iterations: 4096, Password: password}})
		if err == nil {
			err = all.Error()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.awaitLogin(t, scram.Auth{User: name, Pass: password})
}

// awaitLogin returns when the broker, too, knows what the controller has written.
func (c *Cluster) awaitLogin(t testing.TB, auth scram.Auth) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Login), kgo.SASL(auth.AsSha512Mechanism()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for end := time.Now().Add(30 * time.Second); client.Ping(t.Context()) != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("user %s cannot log in", auth.User)
		}
	}
}

// Allow lets a user do operations on a resource of that name.
func (c *Cluster) Allow(t testing.TB, user string, kind kmsg.ACLResourceType, name string, may ...kmsg.ACLOperation) {
	t.Helper()
	c.entries(t, true, user, kind, name, may)
}

// Forbid takes that back.
func (c *Cluster) Forbid(t testing.TB, user string, kind kmsg.ACLResourceType, name string, may ...kmsg.ACLOperation) {
	t.Helper()
	c.entries(t, false, user, kind, name, may)
}

func (c *Cluster) entries(t testing.TB, add bool, user string, kind kmsg.ACLResourceType, name string, may []kmsg.ACLOperation) {
	t.Helper()
	b := kadm.NewACLs().Allow("User:" + user).AllowHosts("*").Operations(may...).ResourcePatternType(kmsg.ACLResourcePatternTypeLiteral)
	if kind == kmsg.ACLResourceTypeGroup {
		b.Groups(name)
	} else {
		b.Topics(name)
	}
	admin := kadm.NewClient(c.Client(t))
	if add {
		all, err := admin.CreateACLs(t.Context(), b)
		for _, one := range all {
			if err == nil {
				err = one.Err
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if _, err := admin.DeleteACLs(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// Renew has the listener Renewed show another certificate, from now on.
func (c *Cluster) Renew(t testing.TB, by *certs.Authority) {
	t.Helper()
	path := c.keystore(rig.Name(t))
	by.Issue(t, certs.Asked{Name: "broker"}).WriteJoined(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	all, err := kadm.NewClient(c.Client(t)).AlterBrokerConfigs(ctx, []kadm.AlterConfig{
		{Name: "listener.name.renewed.ssl.keystore.location", Value: &path},
	}, 1)
	for _, one := range all {
		if err == nil {
			err = one.Err
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: by.Pool(), MinVersion: tls.VersionTLS12}}
	// Each of its network threads, which take connections in turn, learns of it by
	// itself some milliseconds later.
	for shown := 0; shown < 9; {
		conn, err := dialer.DialContext(ctx, "tcp", c.Renewed)
		switch {
		case err == nil:
			_ = conn.Close()
			shown++
		case ctx.Err() != nil:
			t.Fatal("the new certificate is not shown")
		default:
			shown = 0
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// Token is one that the broker takes for a user until it expires. It is not signed.
func Token(user string, lives time.Duration) string {
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	now := time.Now()
	return encode(`{"alg":"none"}`) + "." +
		encode(fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d}`, user, now.Add(-time.Minute).Unix(), now.Add(lives).Unix())) + "."
}

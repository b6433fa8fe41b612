package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/survey"
)

// knock is how long an address is given to take a connection.
const knock = 3 * time.Second

// Survey looks at the cluster, at topics, and at groups without joining them.
func (b *Broker) Survey(ctx context.Context, plan survey.Plan) survey.Survey {
	found := &survey.Kafka{
		SessionTimeout: b.timing.session, LargestRecord: aloneBytes,
		Topics: map[string]*survey.Topic{}, Groups: map[survey.Group]*survey.Members{},
	}
	found.Seeds = b.knockAll(ctx, b.cfg.Brokers)
	open := opened(found.Seeds)
	if len(open) == 0 {
		return survey.Survey{Trouble: found.Seeds[0].Trouble}
	}
	if ctx.Err() != nil {
		return survey.Survey{Trouble: survey.Of(b.cutShort(ctx))}
	}
	said := &connections{login: b.cfg.SASL != nil}
	client, err := kgo.NewClient(append(b.connection("bridge doctor"), kgo.SeedBrokers(open...), kgo.RequestRetries(2), kgo.WithHooks(said))...)
	if err != nil {
		return survey.Survey{Trouble: survey.Of(err)}
	}
	defer client.Close()
	look := &looker{found, kadm.NewClient(client)}
	if err := look.cluster(ctx, b); err != nil {
		return survey.Survey{Trouble: said.trouble(err)}
	}
	look.topics(ctx, plan.Topics)
	look.groups(ctx, plan.Groups)
	if ctx.Err() != nil {
		found.Unasked = b.cutShort(ctx)
	}
	return survey.Survey{Kafka: found}
}

var _ broker.Surveyor = (*Broker)(nil)

// cutShort says that the time was over before all was asked.
func (b *Broker) cutShort(ctx context.Context) error {
	return fmt.Errorf("ask %s: %w", strings.Join(b.cfg.Brokers, ","), ctx.Err())
}

// knockAll knocks at all addresses at once: those that are silent take their time.
func (b *Broker) knockAll(ctx context.Context, addrs []string) []survey.Address {
	all := make([]survey.Address, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		wg.Go(func() { all[i] = survey.Address{At: addr, Trouble: b.knock(ctx, addr)} })
	}
	wg.Wait()
	return all
}

// opened are the addresses at which something answers.
func opened(all []survey.Address) (open []string) {
	for _, a := range all {
		if a.Trouble == nil {
			open = append(open, a.At)
		}
	}
	return open
}

// knock says what is wrong with an address, before Kafka is spoken: the client's
// own errors are those of its last try only.
func (b *Broker) knock(ctx context.Context, addr string) *survey.Trouble {
	ctx, cancel := context.WithTimeout(ctx, knock)
	defer cancel()
	conn, err := b.dial(ctx, "tcp", addr)
	if err != nil {
		return survey.Of(err)
	}
	_ = conn.Close()
	return nil
}

// looker asks and writes down what it is told.
type looker struct {
	*survey.Kafka
	admin *kadm.Client
}

// cluster asks who is there. Its error is that nobody answered.
func (l *looker) cluster(ctx context.Context, b *Broker) error {
	meta, err := l.admin.BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	l.Cluster = meta.Cluster
	var addrs []string
	for _, n := range meta.Brokers {
		addrs = append(addrs, net.JoinHostPort(n.Host, strconv.Itoa(int(n.Port))))
	}
	l.Nodes = b.knockAll(ctx, addrs)
	l.version(ctx)
	settings, err := l.settings(ctx, reached(meta.Brokers, l.Nodes))
	if ctx.Err() == nil { // else nobody refused to tell
		l.Settings, l.SettingsErr = settings, err
	}
	return nil
}

// version guesses the version. It asks all brokers, and waits for those that are
// silent no longer than a knock.
func (l *looker) version(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, knock)
	defer cancel()
	versions, err := l.admin.ApiVersions(ctx)
	if err != nil {
		return
	}
	for _, v := range versions {
		if v.Err == nil {
			l.Version = v.VersionGuess()
		}
	}
}

// reached are the brokers that answer where they say that they are.
func reached(brokers kadm.BrokerDetails, nodes []survey.Address) (there kadm.BrokerDetails) {
	for i, n := range nodes {
		if n.Trouble == nil {
			there = append(there, brokers[i])
		}
	}
	return there
}

func (l *looker) settings(ctx context.Context, brokers kadm.BrokerDetails) (map[string]string, error) {
	if len(brokers) == 0 {
		return nil, errors.New("there is no broker to ask")
	}
	all, err := l.admin.DescribeBrokerConfigs(ctx, brokers[0].NodeID)
	if err == nil && len(all) > 0 {
		err = all[0].Err
	}
	if err != nil || len(all) == 0 {
		return nil, fmt.Errorf("describe the settings of broker %d: %w", brokers[0].NodeID, err)
	}
	return values(all[0]), nil
}

// values are those of settings that may be told.
func values(c kadm.ResourceConfig) map[string]string {
	out := map[string]string{}
	for _, entry := range c.Configs {
		if entry.Value != nil && !entry.Sensitive {
			out[entry.Key] = *entry.Value
		}
	}
	return out
}

// connections is a hook of the client: it remembers why the last connection
// failed, which the client's own errors do not say.
type connections struct {
	login bool // they begin with one

	mu  sync.Mutex
	err error
}

// OnBrokerConnect notes how a connection went, with its login.
func (c *connections) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// trouble is why nobody answered.
func (c *connections) trouble(err error) *survey.Trouble {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil && errors.Is(err, context.DeadlineExceeded) {
		err = c.err
	}
	for _, refused := range []error{
		kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState, kerr.ClusterAuthorizationFailed,
	} {
		if errors.Is(err, refused) {
			return &survey.Trouble{Kind: survey.Login, Err: err}
		}
	}
	t := survey.Of(err)
	if c.login && errors.Is(err, io.EOF) {
		t.Kind = survey.Login // there are brokers that hang up without a word
	}
	if t.Kind == survey.Silent || t.Kind == survey.Unknown {
		t.Kind = survey.Stranger // it took the connection, and then said nothing that is Kafka
	}
	return t
}

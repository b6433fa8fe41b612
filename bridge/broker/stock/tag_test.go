package stock_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// bridge doctor knows a consumer of ours by its tag, also after the channel was
// closed and another one has the same.
func TestConsumerIsCalledAsTheOwnEdges(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	r := reader(t, q, nil)
	for _, body := range []string{"a", "b"} {
		q.Put(t, &message.Message{Payload: []byte(body)})
		next(t, r, body).Ack()
		var tags []string
		for end := time.Now().Add(30 * time.Second); !slices.Equal(tags, []string{"bridge-route-owner-1"}); time.Sleep(200 * time.Millisecond) {
			if tags = consumers(t, q.name); time.Now().After(end) {
				t.Fatalf("the consumers are %q", tags)
			}
		}
		q.Break(t)
	}
}

// consumers are the tags of a queue's consumers.
func consumers(t testing.TB, queue string) []string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, rig.Management(t)+"/api/consumers/%2F", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var all []struct {
		Tag   string `json:"consumer_tag"`
		Queue struct{ Name string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	var tags []string
	for _, c := range all {
		if c.Queue.Name == queue {
			tags = append(tags, c.Tag)
		}
	}
	return tags
}

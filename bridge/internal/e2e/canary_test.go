package e2e_test

import (
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestI11_NoCanaryOfRealLogins logs in to RabbitMQ with one password, is refused with it
// when it has changed, and goes on with the next; a message has become a dead letter on
// the way. Neither password is in what the bridge logs, answers and stores, nor in what
// its commands print.
func TestI11_NoCanaryOfRealLogins(t *testing.T) {
	t.Parallel()
	const first, second = "CANARY1rabbitCANARY", "CANARY2rabbitCANARY"
	user := rig.NewUser(t, rig.Rights{Write: ".*", Read: ".*"})
	user.Change(t, first)
	user.Write(t, first)
	queue, topic, dir := rig.Queue(t), rig.Topic(t, 1), t.TempDir()
	b := e2e.Prepare(t, e2e.Options{
		AMQP: user.URL(t, "amqp", ""), Dir: filepath.Join(dir, "store"),
		Routes: e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic)}.String(),
	})
	b.Run(nil, "--log-level", "debug", "--log-format", "json", "--cpu-profile", filepath.Join(dir, "profile"))
	b.AwaitAlive()
	nameless := ordered("a", 1)
	delete(nameless.Headers, "revision")
	rig.Publish(t, queue, ordered("a", 1), nameless)
	e2e.Rest{Messages: 2, Dead: 1}.Await(b, settleTimeout)

	said := map[string]string{}
	ask := func(when string) {
		for _, line := range []string{
			"routes ls -o json", "keys show a -o json", "dlq ls -o json", "dlq export", "explain a", "audit ls -o json",
			"doctor -o json --timeout 2s", "validate", "graph", "store backup " + filepath.Join(dir, "backup-"+when),
		} {
			words := strings.Fields(line)
			if words[0] == "store" {
				words = append(words, "--reason", "tested")
			}
			text, _ := b.Command(words...)
			said[when+": bridge "+line] = text
		}
		_, reason := b.Ready()
		said[when+": /readyz"] = reason
	}
	ask("while it delivers")
	user.Change(t, second)
	b.AwaitUnready(notice, "orders", "login refused")
	ask("while it is refused")
	user.Write(t, second)
	b.AwaitReady(notice)
	ask("afterwards")
	stopped(t, b)
	said["the log"] = b.Log()

	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		said[path] = string(data)
		return err
	})
	if err != nil || len(said) < 40 {
		t.Errorf("%d things were said: %v", len(said), err)
	}
	for what, text := range said {
		for _, word := range []string{first, second} {
			// In base64 behind one, two or three bytes, without what its neighbours share.
			for _, form := range []string{word, encoded("\x00"+word, 2), encoded("\x00u"+word, 3), encoded(word, 0)} {
				if strings.Contains(text, form) {
					t.Errorf("%s tells a password", what)
				}
			}
		}
	}
}

// encoded is a text in base64 without its first digits and its last.
func encoded(text string, first int) string {
	all := base64.RawStdEncoding.EncodeToString([]byte(text))
	return all[first : len(all)-1]
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// mirrorMaker is Kafka's MirrorMaker 2 as a process of its own, with one cluster
// as both its source and its target. The run's name is the source's alias, and
// so the beginning of the target's name.
var mirrorMaker = contender{
	name: "mirrormaker", probe: 300_000, start: startMirrorMaker,
	target: func(sc scene) string { return sc.name + "." + sc.from.called() },
	left:   mirrorLeft,
	clear:  clearMirror,
}

func fetchMirrorMaker(s *stage) (err error) {
	s.mirrorJars, err = brokersScript("mirrormaker")
	return err
}

// killed is how a JVM ends that SIGTERM told to.
const killed = 143

func startMirrorMaker(_ context.Context, s *stage, _ plan, sc scene, words *os.File) (mover, error) {
	file := filepath.Join(s.dir, sc.name+".properties")
	if err := os.WriteFile(file, []byte(mirror(sc)), 0o600); err != nil {
		return nil, err
	}
	log := filepath.Join(rig.Root(), "scripts", "brokers.d", "log4j2.properties")
	return startServer(sc, words, killed, "java", "-Xms256M", "-Xmx2G", "-XX:+UseG1GC", // as its script has it
		"-Dlog4j2.configurationFile="+log, "-cp", filepath.Join(s.mirrorJars, "*"),
		"org.apache.kafka.connect.mirror.MirrorMaker", file)
}

// mirror has MirrorMaker's defaults, without what a copy of one topic does not
// need: heartbeats, checkpoints, and the settings and groups of topics. It notes
// how far it is once a second: its minute would leave the most to the end.
func mirror(sc scene) string {
	return strings.NewReplacer("FROM", sc.name, "TOPIC", sc.from.called(), "BROKERS", strings.Join(kafkaAddrs(), ",")).Replace(`
clusters = FROM, to
FROM.bootstrap.servers = BROKERS
to.bootstrap.servers = BROKERS
FROM->to.enabled = true
FROM->to.topics = TOPIC
to->FROM.enabled = false
tasks.max = 2
to.producer.acks = all
to.offset.flush.interval.ms = 1000

emit.heartbeats.enabled = false
emit.checkpoints.enabled = false
emit.offset-syncs.enabled = false
sync.topic.configs.enabled = false
sync.topic.acls.enabled = false
sync.group.offsets.enabled = false
refresh.topics.enabled = false
refresh.groups.enabled = false

replication.factor = 1
offset.storage.replication.factor = 1
status.storage.replication.factor = 1
config.storage.replication.factor = 1
offset.storage.partitions = 1
status.storage.partitions = 1
`)
}

// mirrorLeft is what MirrorMaker would read again: it has no group, and notes the
// last offset that it has copied of each partition in a topic.
func mirrorLeft(ctx context.Context, s *stage, sc scene) (int, error) {
	n, err := sc.from.count(ctx)
	if err != nil {
		return 0, err
	}
	copied := map[string]int{}
	notes := s.topic(mirrorTopic(sc, "offsets"))
	if err := notes.records(ctx, func(r *kgo.Record) error { return noteCopied(copied, r) }); err != nil {
		return 0, err
	}
	for _, last := range copied {
		n -= last + 1
	}
	return n, nil
}

func noteCopied(copied map[string]int, r *kgo.Record) error {
	var value struct{ Offset *int }
	if err := json.Unmarshal(r.Value, &value); err != nil || value.Offset == nil {
		return fmt.Errorf("MirrorMaker's note %s of %s: %w", r.Value, r.Key, errors.Join(err, errNote))
	}
	copied[string(r.Key)] = *value.Offset
	return nil
}

var errNote = errors.New("it has no offset")

func mirrorTopic(sc scene, of string) string { return "mm2-" + of + "." + sc.name + ".internal" }

// clearMirror removes the topics and the group that it keeps its state in.
func clearMirror(ctx context.Context, s *stage, sc scene) error {
	_, err := s.admin.DeleteTopics(ctx, mirrorTopic(sc, "offsets"), mirrorTopic(sc, "status"), mirrorTopic(sc, "configs"))
	_, _ = s.admin.DeleteGroup(ctx, sc.name+"-mm2")
	return err
}

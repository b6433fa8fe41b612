package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// fails puts n keys, each with a dead letter that two messages wait behind, and
// returns the fingerprint of their cause.
func (s *site) fails(n int) (group string) {
	s.t.Helper()
	for i := range n {
		s.put("strict", fmt.Sprintf("k%02d", i), 1, -2, 3, 4)
	}
	s.balanced("strict", status.Counts{Delivered: int64(n), Dead: int64(n), Parked: int64(2 * n)})
	var all []api.Group
	if err := json.Unmarshal([]byte(s.types(done, "dlq", "groups", "-o", "json", "--route", "strict")), &all); err != nil {
		s.t.Fatal(err)
	}
	if g := all[0]; len(all) != 1 || g.Reason != "too_large" || g.Dead != int64(n) || g.BlockedKeys != int64(n) || g.ParkedBehind != int64(2*n) {
		s.t.Fatalf("%+v", all)
	}
	return all[0].Fingerprint
}

// operations are those of a route, the newest last.
func (s *site) operations(route string) (all []api.Operation) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.types(done, "ops", "ls", "-o", "json", "--route", route)), &all); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// Of a cause that is not gone a canary fails and the rest is not touched; when it
// is gone the operation goes on, and what waited follows in order.
func TestI2_ManyAreRedrivenByTheirCause(t *testing.T) {
	s := newSite(t)
	const n = 30
	group := s.fails(n)
	if table := s.types(done, "dlq", "groups"); !strings.Contains(table, group) || !strings.Contains(table, "too_large") {
		t.Error(table)
	}
	if list := s.types(done, "dlq", "ls", "--group", group, "--since", "1h"); strings.Count(list, "too_large") != n {
		t.Error(list)
	}
	if list := s.types(done, "dlq", "ls", "--until", "1h"); strings.Contains(list, "too_large") {
		t.Error(list)
	}
	plan := s.types(done, "dlq", "redrive", "--group", group, "--dry-run", "--rate", "10")
	if !strings.Contains(plan, "dry run: route strict: redrives 30 dead letters") || !strings.Contains(plan, "it takes 3s at this rate") {
		t.Error(plan)
	}
	said := s.types(failed, "dlq", "redrive", "--group", group, "--canary", "2", "--reason", "fixed")
	op := s.operations("strict")[0]
	if !strings.Contains(said, "bridge ops resume "+op.ID+" --admin") || !strings.Contains(said, "is stopped") || op.State != "stopped" || op.Left < n-2 {
		t.Errorf("%s\n%+v", said, op)
	}
	s.balanced("strict", status.Counts{Delivered: n, Dead: n, Parked: 2 * n})
	s.broken.Store(false)
	s.types(done, "ops", "resume", op.ID, "--reason", "now it is")
	s.types(failed, "ops", "show", op.ID, "--watch") // those of the canary have failed
	if said = s.types(done, "dlq", "redrive", "--all", "--reason", "the rest"); !strings.Contains(said, " is done: 2 of 2 redriven") {
		t.Error(said)
	}
	s.balanced("strict", status.Counts{Delivered: 4 * n, Redriven: n})
	for i := range n {
		if key := fmt.Sprintf("k%02d", i); s.came("strict", key) != "1 2 3 4" {
			t.Errorf("%s: %s", key, s.came("strict", key))
		}
	}
	if said = s.types(done, "dlq", "redrive", "--all", "--reason", "again"); !strings.Contains(said, "nothing to do") {
		t.Error(said)
	}
}

// More than 20 IDs are an operation, fewer are not.
func TestManyIDsAreAnOperation(t *testing.T) {
	s := newSite(t)
	s.fails(fewIDs + 1)
	var ids []string
	for line := range strings.Lines(s.types(done, "dlq", "ls", "-o", "jsonl")) {
		var d api.DeadLetter
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	few := append([]string{"dlq", "archive", "--reason", "r", "--dry-run"}, ids[:fewIDs]...)
	if said := s.types(done, few...); strings.Count(said, "dry run: route strict: archives revision 2") != fewIDs {
		t.Error(said)
	}
	many := append([]string{"dlq", "archive", "--reason", "r", "nobody"}, ids...)
	if said := s.types(done, many...); !strings.Contains(said, "1 of the 22 are no dead letters") || !strings.Contains(said, "21 of 21 archived") {
		t.Error(said)
	}
	if all := s.operations("strict"); len(all) != 1 || len(all[0].Selection.IDs) != fewIDs+2 {
		t.Errorf("%+v", all)
	}
	s.balanced("strict", status.Counts{Delivered: 3 * (fewIDs + 1), Archived: fewIDs + 1})
	if list := s.types(done, "archive", "ls"); strings.Count(list, "too_large") != fewIDs+1 {
		t.Error(list)
	}
	if said := s.types(done, "archive", "show", ids[0]); !strings.Contains(said, "archived      ") || !strings.Contains(said, "  bad") {
		t.Error(said)
	}
	s.types(failed, "archive", "show", "nobody")
	s.types(failed, "archive", "restore", ids[0], "nobody", "--reason", "r")
	s.balanced("strict", status.Counts{Delivered: 3 * (fewIDs + 1), Archived: fewIDs, Dead: 1})
}

// An operation is paused, resumed and cancelled; what it has not done stays.
func TestAnOperationIsSteered(t *testing.T) {
	s := newSite(t)
	s.fails(10)
	s.broken.Store(false)
	said := s.types(done, "dlq", "discard", "--all", "--rate", "1", "--detach", "--reason", "r")
	op := s.operations("strict")[0]
	if !strings.Contains(said, op.ID+" is running") || op.Rate != 1 || op.Action != "discard" {
		t.Errorf("%s\n%+v", said, op)
	}
	if said = s.types(done, "ops", "pause", op.ID, "--reason", "lunch", "--dry-run"); !strings.Contains(said, "running") {
		t.Error(said)
	}
	if said = s.types(done, "ops", "pause", op.ID, "--reason", "lunch"); !strings.Contains(said, "paused: ") || !strings.Contains(said, "lunch") {
		t.Error(said)
	}
	if said = s.types(failed, "ops", "show", op.ID, "--watch"); !strings.Contains(said, "bridge ops resume "+op.ID) {
		t.Error(said)
	}
	s.types(done, "ops", "resume", op.ID, "--reason", "back")
	s.types(done, "ops", "cancel", op.ID, "--reason", "enough")
	if said = s.types(failed, "ops", "resume", op.ID, "--reason", "no"); !strings.Contains(said, "bridge ops show ID says how it ended") {
		t.Error(said)
	}
	if op = s.operations("strict")[0]; op.State != "cancelled" || op.Left == 0 {
		t.Errorf("%+v", op)
	}
	s.types(failed, "ops", "show", "nobody")
	s.types(invalid, "ops", "cancel", op.ID)
}

// Ctrl-C ends the watching, not the operation.
func TestWatchingIsInterrupted(t *testing.T) {
	s := newSite(t)
	s.fails(3)
	ctx, interrupt := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, interrupt)
	var out, errOut output
	args := s.asked([]string{"dlq", "redrive", "--all", "--rate", "0.1", "--reason", "r"})
	if code := execute(ctx, args, &out, &errOut); code != failed {
		t.Errorf("it ended with %d", code)
	}
	op := s.operations("strict")[0]
	if said := errOut.String(); !strings.Contains(said, "it goes on in the background: bridge ops show "+op.ID) || !strings.Contains(said, "interrupted") {
		t.Error(said)
	}
	if op.State != "running" {
		t.Errorf("%+v", op)
	}
	s.types(done, "ops", "cancel", op.ID, "--reason", "enough")
}

// What is edited goes through, and is what it was before once more after a restore.
func TestEditByCommand(t *testing.T) {
	s := newSiteOf(t, strings.ReplaceAll(operated, "then: continue", "then: continue, edit: true"))
	s.put("lax", "a", 1, -2, 3)
	s.await("the dead letter", func() bool { return s.came("lax", "a") == "1 3" })
	s.balanced("lax", status.Counts{Delivered: 2, Dead: 1})
	var list []api.DeadLetter
	if err := json.Unmarshal([]byte(s.types(done, "dlq", "ls", "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	id, body := list[0].ID, filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, []byte("good\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := s.types(done, "dlq", "edit", id, "--body", body, "--set-header", "type=made\x1b[2J", "--reason", "r", "--dry-run")
	for _, want := range []string{"-bad", "+good", `+type: made\x1b[2J`, "dry run: route lax: edits revision 2"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
	s.types(failed, "dlq", "edit", id, "--set-header", "revision=9", "--reason", "r") // another revision
	s.types(invalid, "dlq", "edit", id, "--remove-header", "nothing", "--reason", "r")
	s.types(invalid, "dlq", "edit", id, "--reason", "r") // no terminal, no editor
	s.types(done, "dlq", "edit", id, "--set-header", "type=made", "--reason", "r")
	var old []api.Archived
	if err := json.Unmarshal([]byte(s.types(done, "archive", "ls", "-o", "json")), &old); err != nil || len(old) != 1 || old[0].Original != id {
		t.Fatalf("%+v %v", old, err)
	}
	s.types(done, "archive", "restore", old[0].ID, "--reason", "r")
	if shown := s.types(done, "dlq", "show", id); strings.Contains(shown, "made") {
		t.Error(shown)
	}
	s.types(done, "dlq", "edit", id, "--set-header", "type=made", "--reason", "r")
	if said = s.types(done, "dlq", "edit", id, "--set-header", "type=made", "--reason", "r"); !strings.Contains(said, "nothing differs") {
		t.Error(said)
	}
	s.broken.Store(false)
	s.types(failed, "dlq", "edit", id, "--body", body, "--redrive", "--reason", "r") // it was passed: edited, not sent
	s.types(done, "dlq", "redrive", id, "--out-of-order", "--reason", "r")
	s.await("the edited one", func() bool { return s.came("lax", "a") == "1 3 2" })
	for _, m := range s.out.Messages("lax") {
		if m.Metadata["revision"] == "2" && (string(m.Payload) != "good\n" || m.Metadata["type"] != "made") {
			t.Errorf("%q %v", m.Payload, m.Metadata)
		}
	}
}

// What was exported is imported elsewhere, to the byte, and only once.
func TestExportAndImport(t *testing.T) {
	s := newSite(t)
	s.fails(3)
	s.put("strict", "\xff\x1b[2J", -1)
	s.balanced("strict", status.Counts{Delivered: 3, Dead: 4, Parked: 6})
	file := filepath.Join(t.TempDir(), "letters.jsonl")
	if said := s.types(done, "dlq", "export", "--out", file, "--route", "strict"); !strings.Contains(said, "exported 4 dead letters") {
		t.Error(said)
	}
	s.types(invalid, "dlq", "export", "--out", file)
	whole, err := os.ReadFile(file)
	if err != nil || strings.Count(string(whole), "\n") != 4 || strings.ContainsRune(string(whole), '\x1b') {
		t.Fatalf("%s %v", whole, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	s.types(invalid, "dlq", "import", file, "--reason", "r") // of three routes, which?
	if said := s.types(done, "dlq", "import", file, "--route", "strict", "--reason", "r"); !strings.Contains(said, "0 dead letters added, 4 there already") {
		t.Error(said)
	}
	if said := s.types(done, "dlq", "import", file, "--route", "lax", "--reason", "r", "--dry-run"); !strings.Contains(said, "dry run: route lax: 4 dead letters added") {
		t.Error(said)
	}
	s.balanced("lax", status.Counts{})
	if said := s.types(done, "dlq", "import", file, "--route", "lax", "--reason", "r"); !strings.Contains(said, "4 dead letters added, 0 there already") {
		t.Error(said)
	}
	again := s.types(done, "dlq", "export", "--route", "lax")
	for _, want := range []string{`"key_base64":"/xtbMko="`, `"text":"bad"`, `"route":"lax"`} {
		if !strings.Contains(again, want) {
			t.Errorf("%s is not in\n%s", want, again)
		}
	}
	s.broken.Store(false)
	s.types(done, "dlq", "redrive", "--all", "--route", "lax", "--reason", "r")
	s.await("what was imported", func() bool { return s.came("lax", "\xff\x1b[2J") == "1" })
}

// Skips are open until they are closed; a key is purged where that is confirmed.
func TestSkipsAndPurgeByCommand(t *testing.T) {
	s := newSite(t)
	s.put("strict", "a", 1, 4)
	s.awaitState("strict", "a", "gap_blocked", 1)
	s.types(done, "keys", "skip", "a", "--to", "4", "--reason", "lost")
	if list := s.types(done, "keys", "skips"); !strings.Contains(list, "a    0      2     3") || !strings.Contains(list, "lost") {
		t.Error(list)
	}
	s.types(failed, "keys", "close", "a", "--from", "3", "--reason", "r")
	s.types(done, "keys", "close", "a", "--from", "2", "--reason", "r", "--dry-run")
	s.types(done, "keys", "close", "a", "--from", "2", "--reason", "seen to")
	if list := s.types(done, "keys", "skips"); !strings.Contains(list, "there are no open skips") {
		t.Error(list)
	}
	s.put("strict", "b", -1, 2)
	s.awaitState("strict", "b", "quarantined", 1)
	s.types(invalid, "keys", "purge", "b", "--reason", "r")
	s.types(done, "keys", "purge", "b", "--reason", "r", "--dry-run")
	s.balanced("strict", status.Counts{Delivered: 2, Dead: 1, Parked: 1, Skipped: 2})
	if said := s.types(done, "keys", "purge", "b", "--reason", "r", "--yes"); !strings.Contains(said, "purges 1 dead letters") {
		t.Error(said)
	}
	s.await("the purge", func() bool { return !strings.Contains(s.types(done, "dlq", "ls"), "too_large") })

	said := s.types(done, "audit", "verify", "-o", "json")
	var check api.AuditCheck
	if err := json.Unmarshal([]byte(said), &check); err != nil || check.Head == "" {
		t.Fatal(said, err)
	}
	if said = s.types(done, "audit", "verify", "--expect", check.Head); !strings.Contains(said, "audit         whole") {
		t.Error(said)
	}
	if said = s.types(failed, "audit", "verify", "--expect", "1:00"); !strings.Contains(said, "audit         broken") {
		t.Error(said)
	}
}

// The API shows the beginning of a large body; an edit of something else keeps all
// of it.
func TestALargeBodyStaysWhole(t *testing.T) {
	s := newSiteOf(t, strings.ReplaceAll(operated, "then: continue", "then: continue, edit: true"))
	large := strings.Repeat("0123456789abcdef", 20<<10) + "end"
	m := message.NewMessage("large", []byte(large))
	m.Metadata["key"], m.Metadata["revision"] = "\xff", "-1" // no revision: it stands in no order
	s.in.Put("lax", m)
	s.put("lax", "\xff", -1)
	s.balanced("lax", status.Counts{Dead: 2})
	var all []api.DeadLetter
	if err := json.Unmarshal([]byte(s.types(done, "dlq", "ls", "-o", "json", "--of-reason", "revision_invalid")), &all); err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	s.types(done, "dlq", "edit", all[0].ID, "--set-header", "type=made", "--reason", "r")
	for line := range strings.Lines(s.types(done, "dlq", "export", "--of-reason", "revision_invalid")) {
		var l api.Letter
		if json.Unmarshal([]byte(line), &l) == nil && string(l.Body.Raw()) != large {
			t.Errorf("%d bytes of %d are left", len(l.Body.Raw()), len(large))
		}
	}
}

// An import is sent in parts, by number and by size.
func TestAnImportInParts(t *testing.T) {
	s := newSite(t)
	var file strings.Builder
	const n = 2*maxBatch + 50
	for i := range n {
		size := 10
		if i < 5 {
			size = maxBatchBytes/4 + 1
		}
		l := api.Letter{DeadLetter: api.DeadLetter{ID: fmt.Sprintf("x%03d", i), Reason: "late"}, Body: entire([]byte(strings.Repeat("x", size)))}
		doc, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		file.Write(append(doc, '\n'))
	}
	name := filepath.Join(t.TempDir(), "letters.jsonl")
	if err := os.WriteFile(name, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := s.types(done, "dlq", "import", name, "--route", "lax", "--reason", "r"); !strings.Contains(said, "250 dead letters added, 0 there already") {
		t.Error(said)
	}
	s.balanced("lax", status.Counts{Dead: n, Imported: n})
}

// A route that does not run, and has no such dead letters, keeps nobody from the
// others.
func TestARouteThatDoesNotRunIsPassedOver(t *testing.T) {
	s := newSite(t)
	s.put("halting", "b", -1)
	s.await("the halt", func() bool { return strings.Contains(s.types(done, "routes", "ls"), "dead_letter: ") })
	s.put("lax", "a", -1, 2, -3)
	s.balanced("lax", status.Counts{Delivered: 1, Dead: 2})
	said := s.types(done, "dlq", "archive", "--all", "--reason", "r")
	if !strings.Contains(said, "route lax: archive") || strings.Contains(said, "halting") {
		t.Error(said)
	}
	s.balanced("lax", status.Counts{Delivered: 1, Archived: 2})
	if said = s.types(done, "dlq", "redrive", "--all", "--route", "halting", "--reason", "r"); !strings.Contains(said, "nothing to do") {
		t.Error(said)
	}
}

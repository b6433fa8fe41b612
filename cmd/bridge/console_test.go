package main

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// page is a page of the console, asked for or sent a form, and where it led.
func (s *site) page(path string, form url.Values) (body, at string) {
	s.t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.address+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := c.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	at, _, _ = strings.Cut(answer.Request.URL.RequestURI(), "?told=")
	return string(text), at
}

var (
	printed = regexp.MustCompile(`(?s)<div class="command"><code>(.*?)</code>`)
	planned = regexp.MustCompile(`(?s)<p class="says">(.*?)</p>`)
)

// pick is the text of the first group that a page has.
func (s *site) pick(of *regexp.Regexp, page string) string {
	s.t.Helper()
	found := of.FindStringSubmatch(page)
	if found == nil {
		s.t.Fatalf("nothing like %s in\n%s", of, page)
	}
	return html.UnescapeString(found[1])
}

// words are what a shell makes of a command.
func words(t *testing.T, command string) []string {
	t.Helper()
	out, err := exec.Command("bash", "-c", `printf '%s\0' `+command).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// rehearsed are the words behind "bridge", with --dry-run before a "--".
func rehearsed(t *testing.T, command string) []string {
	all := words(t, command)[1:]
	for i, w := range all {
		if w == "--" {
			return append(append(append([]string{}, all[:i]...), "--dry-run"), all[i:]...)
		}
	}
	return append(all, "--dry-run")
}

func (s *site) letters(route string) (all []api.DeadLetter) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.types(done, "dlq", "ls", "--route", route, "--limit", "0", "-o", "json")), &all); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// The command on a page that plans a change is the same change: typed into a shell
// it selects what the page does.
func TestTheCommandOfAPageIsThePlanOfThePage(t *testing.T) {
	s := newSite(t)
	s.put("strict", "odd \xff'$(x)`\n-", 1, -2, 3)
	s.put("strict", "-k", 1, -2, 3)
	s.balanced("strict", status.Counts{Delivered: 2, Dead: 2, Parked: 2})
	group := s.fails2(4)
	all := s.letters("strict")
	lax := s.laxLetter()
	since, until := all[1].At.Add(-time.Millisecond).UTC().Format(time.RFC3339Nano), time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano)
	for _, about := range []url.Values{
		{"do": {"redrive"}, "group": {group}},
		{"do": {"redrive"}, "group": {group}, "canary": {"2"}, "rate": {"0.5"}, "stop_at": {"25"}, "out_of_order": {"true"}},
		{"do": {"discard"}, "group": {group}, "rate": {"3"}},
		{"do": {"archive"}, "of-reason": {"too_large"}, "since": {since}, "until": {until}},
		{"do": {"redrive"}, "key": {"odd \xff'$(x)`\n-"}},
		{"do": {"discard"}, "key": {"-k"}},
		{"do": {"redrive"}, "all": {"true"}},
		{"do": {"redrive"}, "id": {all[0].ID, all[2].ID}},
		{"do": {"archive"}, "id": {all[0].ID, all[2].ID}, "rate": {"9"}},
		{"do": {"redrive"}, "id": {all[0].ID}},
		{"do": {"discard"}, "id": {all[0].ID}},
		{"do": {"archive"}, "id": {all[0].ID}},
	} {
		path := "/routes/strict/act?" + about.Encode()
		page, _ := s.page(path, nil)
		says, command := s.pick(planned, page), s.pick(printed, page)
		said := s.types(done, rehearsed(t, command)...)
		if !strings.Contains(said, "dry run: route strict: "+says) {
			t.Errorf("%s\nthe page: %s\n%s\nthe command: %s", path, says, command, said)
		}
	}
	page, _ := s.page("/routes/lax/act?do=redrive&out_of_order=true&id="+lax, nil)
	if said := s.types(done, rehearsed(t, s.pick(printed, page))...); !strings.Contains(said, "dry run: route lax: "+s.pick(planned, page)) {
		t.Errorf("%s\n%s", said, page)
	}
	for _, path := range []string{"/dead-letters", "/dead-letters?route=strict&sort=last", "/routes/strict/dead-letters?group=" + group, "/routes/strict/dead-letters/" + all[0].ID} {
		page, _ := s.page(path, nil)
		s.types(done, words(t, s.pick(printed, page))[1:]...)
	}
}

// fails2 puts n keys more, each with a dead letter, and returns the fingerprint of
// the cause.
func (s *site) fails2(n int) string {
	s.t.Helper()
	for i := range n {
		s.put("strict", fmt.Sprintf("k%02d", i), 1, -2, 3, 4)
	}
	s.balanced("strict", status.Counts{Delivered: int64(2 + n), Dead: int64(2 + n), Parked: int64(2 + 2*n)})
	var all []api.Group
	if err := json.Unmarshal([]byte(s.types(done, "dlq", "groups", "-o", "json", "--route", "strict")), &all); err != nil || len(all) != 1 {
		s.t.Fatal(all, err)
	}
	return all[0].Fingerprint
}

// laxLetter is the id of a dead letter that later revisions have passed.
func (s *site) laxLetter() string {
	s.t.Helper()
	s.put("lax", "a", 1, -2, 3)
	s.balanced("lax", status.Counts{Delivered: 2, Dead: 1})
	return s.letters("lax")[0].ID
}

// hiddens are what the form of a page sends by itself.
var hiddens = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// filled is the form of a page with what somebody typed into it.
func filled(page string, typed ...string) url.Values {
	form := url.Values{}
	for _, m := range hiddens.FindAllStringSubmatch(page, -1) {
		form.Add(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	for i := 0; i+1 < len(typed); i += 2 {
		form.Set(typed[i], typed[i+1])
	}
	return form
}

// A cause is redriven with a canary from its page: it fails, is mended, resumed, and
// what waited follows in order. The audit has who and why.
func TestI2_I12_ACauseIsRedrivenInTheConsole(t *testing.T) {
	s := newSite(t)
	const n = 12
	group := s.fails(n)
	page, _ := s.page("/dead-letters", nil)
	act := "/routes/strict/act?canary=10&do=redrive&group=" + group
	if !strings.Contains(page, html.EscapeString(act)) || !strings.Contains(page, "Redrive with a canary…") {
		t.Fatalf("no way to %s in\n%s", act, page)
	}
	plan, _ := s.page(act, nil)
	if !strings.Contains(plan, "Redrives 12 dead letters") && !strings.Contains(plan, "redrives 12 dead letters") {
		t.Error(plan)
	}
	form := filled(plan, "reason", "the schema <is> fixed", "canary", "2")
	_, at := s.page(act, form)
	_, again := s.page(act, form) // a second click
	if !strings.HasPrefix(at, "/routes/strict/operations/") || at != again || len(s.operations("strict")) != 1 {
		t.Fatalf("it led to %s and %s, with %d operations", at, again, len(s.operations("strict")))
	}
	s.await("the canary to fail", func() bool {
		page, _ = s.page(at, nil)
		return strings.Contains(page, "The canary failed")
	})
	for _, want := range []string{"the schema &lt;is&gt; fixed", ">stopped<", "of the first 2 failed again", "Resume…"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	s.broken.Store(false)
	id := s.operations("strict")[0].ID
	s.page("/routes/strict/act?do=resume-operation&id="+id, url.Values{"reason": {"now it is"}})
	s.await("its end", func() bool {
		page, _ = s.page(at, nil)
		return strings.Contains(page, ">done<")
	})
	if !strings.Contains(page, "now it is") || !strings.Contains(page, "100 %") {
		t.Error(page)
	}
	for left := range strings.SplitSeq(strings.TrimSpace(strings.Join(ids(s.letters("strict")), " ")), " ") { // those of the canary
		if left != "" {
			s.page("/routes/strict/act?do=redrive&id="+left, url.Values{"reason": {"the rest"}})
		}
	}
	s.balanced("strict", status.Counts{Delivered: 4 * n, Redriven: n})
	for i := range n {
		if key := fmt.Sprintf("k%02d", i); s.came("strict", key) != "1 2 3 4" {
			t.Errorf("%s: %s", key, s.came("strict", key))
		}
	}
	if page, _ = s.page("/dead-letters", nil); !strings.Contains(page, "Nothing was given up.") {
		t.Error(page)
	}
	if page, _ = s.page("/operations", nil); !strings.Contains(page, at) {
		t.Error(page)
	}
}

func ids(all []api.DeadLetter) (out []string) {
	for _, d := range all {
		out = append(out, d.ID)
	}
	return out
}

// An edit is made as it was seen and not otherwise; what it was can be restored, and
// the edited one goes through at its place.
func TestI9_I12_ADeadLetterIsEditedInTheConsole(t *testing.T) {
	s := newSiteOf(t, strings.ReplaceAll(operated, "- name: strict", "- name: strict\n    dead_letter: { edit: true }"))
	s.put("strict", "a", 1, -2, 3)
	s.balanced("strict", status.Counts{Delivered: 1, Dead: 1, Parked: 1})
	id := s.letters("strict")[0].ID
	edit := "/routes/strict/dead-letters/" + id + "/edit"
	page, _ := s.page(edit, nil)
	if !strings.Contains(page, "\nbad</textarea>") {
		t.Fatal(page)
	}
	rows := map[string]string{} // the input of each header
	for _, m := range regexp.MustCompile(`<span class="mono">([^<]*)</span><input name="(h\d+)" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		rows[m[1]] = m[2]
	}
	form := filled(page, "body", "good\r\nagain", "step", "look", "n0-name", "type", "n0", "made", "reason", "")
	seen, _ := s.page(edit, form)
	for _, want := range []string{"<code>bad</code>", "<code>good</code>", "<code>type: made</code>", "edits revision 2"} {
		if !strings.Contains(seen, want) {
			t.Fatalf("no %q in\n%s", want, seen)
		}
	}
	if s.letters("strict")[0].Size != 3 {
		t.Fatal("looking has changed it")
	}
	other := filled(seen, "body", "something else", "step", "edit", "reason", "r")
	if page, at := s.page(edit, other); at != edit || s.letters("strict")[0].Size != 3 || !strings.Contains(page, "something else") {
		t.Fatalf("what was not seen was done: %s", page)
	}
	if page, _ := s.page(edit, filled(page, "body", "good", rows["revision"], "9", "step", "look")); !strings.Contains(page, `role="alert"`) {
		t.Errorf("another revision: %s", page)
	}
	final := filled(seen, "body", "good\r\nagain", "step", "edit", "n0-name", "type", "n0", "made", "reason", "the price has a comma")
	_, at := s.page(edit, final)
	_, twice := s.page(edit, final)
	if at != twice || !strings.HasPrefix(at, "/routes/strict/dead-letters/"+id) || s.letters("strict")[0].Size != len("good\nagain") {
		t.Fatalf("it led to %s and %s: %+v", at, twice, s.letters("strict"))
	}
	if page, _ := s.page("/routes/strict/archive", nil); !strings.Contains(page, "the price has a comma") || !strings.Contains(page, "edited") {
		t.Error(page)
	}
	s.page("/routes/strict/act?do=redrive&id="+id, url.Values{"reason": {"mended"}})
	s.await("what waited", func() bool { return s.came("strict", "a") == "1 2 3" })
	for _, m := range s.out.Messages("strict") {
		if m.Metadata["revision"] == "2" && (string(m.Payload) != "good\nagain" || m.Metadata["type"] != "made") {
			t.Errorf("%q %v", m.Payload, m.Metadata)
		}
	}
	if page, _ := s.page("/routes/strict/dead-letters/"+id, nil); !strings.Contains(page, "This dead letter is settled") || !strings.Contains(page, "mended") {
		t.Error(page)
	}
}

// What is archived is kept, shown and restored.
func TestI1_TheArchiveOfTheConsole(t *testing.T) {
	s := newSite(t)
	s.put("strict", "a\xff/", 1, -2, 3)
	s.balanced("strict", status.Counts{Delivered: 1, Dead: 1, Parked: 1})
	id := s.letters("strict")[0].ID
	s.page("/routes/strict/act?do=archive&id="+id, url.Values{"reason": {"by hand"}})
	s.balanced("strict", status.Counts{Delivered: 2, Archived: 1})
	list, _ := s.page("/routes/strict/archive?key="+url.QueryEscape("a\xff/"), nil)
	if !strings.Contains(list, "by hand") || !strings.Contains(list, `a\xff/`) || !strings.Contains(list, "/routes/strict/keys/a%FF%2F") {
		t.Error(list)
	}
	page, _ := s.page("/routes/strict/archive/"+id, nil)
	if !strings.Contains(page, "This was put away.") || !strings.Contains(page, "bad</pre>") {
		t.Error(page)
	}
	restore := s.pick(regexp.MustCompile(`href="(/routes/strict/act\?do=restore[^"]*)"`), page)
	plan, _ := s.page(restore, nil)
	if said := s.types(done, rehearsed(t, s.pick(printed, plan))...); !strings.Contains(said, s.pick(planned, plan)) {
		t.Errorf("%s\n%s", said, plan)
	}
	s.page(restore, filled(plan, "reason", "after all"))
	s.balanced("strict", status.Counts{Delivered: 2, Dead: 1})
	if page, _ = s.page("/routes/strict/archive", nil); !strings.Contains(page, "The archive is empty.") {
		t.Error(page)
	}
}

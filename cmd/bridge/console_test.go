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
	return string(text), answer.Request.URL.RequestURI()
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

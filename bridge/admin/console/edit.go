package console

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/console/content"
)

const (
	maxForm    = 4 << 20 // bytes of a form with a body
	newHeaders = 3       // rows for headers that are new
)

// editForm is the page of an edit: a form with the content, and what differs once
// it was looked at.
type editForm struct {
	Route, ID, Path string
	Letter          api.DeadLetter
	Headers         []editHeader
	New             []editHeader
	Body            string
	BodyWhy         string // it cannot be edited here
	Raw             bool
	Reason          string
	Was             string // what the form is about
	Seen            string // what was looked at; empty: nothing was yet
	Says            string // what the API would do
	HeaderDiff      []content.Line
	BodyDiff        []content.Line
	Why             string // it cannot be done at all
	Problem         *api.Error
	Once            string
	Command         string
}

// editHeader is a header in the form.
type editHeader struct {
	Field  string // the name of its input
	Name   string
	Value  string
	Why    string // it stays as it is
	Remove bool
}

// entire is the content of a message.
type entire struct {
	headers []api.Header
	body    api.Bytes
}

// name is what tells one content from another.
func (w entire) name() string {
	text, _ := json.Marshal([]any{w.headers, w.body}) // it came as JSON
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// editing is the form with the content as it is.
func (c *Console) editing(r *http.Request) (view, error) {
	f, _, err := c.editForm(r)
	if err != nil {
		return view{}, err
	}
	if f == nil {
		return c.gone(r, r.PathValue("route"), r.PathValue("id"))
	}
	return f.view(), nil
}

func (f *editForm) view() view {
	code := 0
	if f.Problem != nil {
		code = cmp.Or(codes[f.Problem.Code], http.StatusConflict)
	}
	return view{page: "edit", title: "Edit: " + titleOf(&f.Letter), nav: "dead-letters", code: code, data: f}
}

// editForm reads the dead letter; no form where there is none any more.
func (c *Console) editForm(r *http.Request) (*editForm, entire, error) {
	route, id := r.PathValue("route"), r.PathValue("id")
	d, err := c.cfg.API.DeadLetter(r.Context(), route, id)
	if isGone(err) {
		return nil, entire{}, nil
	}
	if err != nil {
		return nil, entire{}, err
	}
	was := entire{d.Headers, d.Body}
	f := &editForm{Route: route, ID: id, Path: letterPath(route, id) + "/edit", Letter: d.DeadLetter, Was: was.name(), Once: rand.Text(), Why: mayNotEdit(c.me(r), d.Payloads)}
	f.Command = inShell(append([]string{"dlq", "edit", "--route", route, "--reason", "…"}, behindDashes([]string{id})...))
	switch {
	case f.Why != "":
	case d.Bodiless:
		f.Why = "this entry is no message but a gap"
	case d.HeadersOmitted > 0 || d.Body.Truncated || slices.ContainsFunc(d.Headers, func(h api.Header) bool { return h.Value.Truncated }):
		f.Why = "it is too large to be edited in a browser: the command below edits it"
	default:
		_, err = c.cfg.API.Edit(r.Context(), route, id, editOf(was, "", false, true)) // says whether the route allows it
		if e, ok := asRefusal(err); ok && e.Code == api.EditOff {
			f.Why = e.Error()
		}
	}
	f.fill(was, was)
	return f, was, nil
}

// editOf is what the API is asked for.
func editOf(w entire, reason string, raw, dry bool) api.Edit {
	return api.Edit{Reason: reason, DryRun: dry, Headers: w.headers, Body: w.body, Raw: raw}
}

// fill puts the content that it will have into the form, which is about what it was.
func (f *editForm) fill(was, will entire) {
	f.Headers, f.New = nil, nil
	left := slices.Clone(will.headers)
	for i, h := range was.headers {
		row := editHeader{Field: fmt.Sprint("h", i), Name: h.RawName(), Value: string(h.Value.Raw()), Remove: true}
		if !formKeeps(row.Value, false) || !formKeeps(row.Name, false) || strings.HasPrefix(row.Name, "bridge-") {
			row.Why = "stays as it is"
		}
		if at := slices.IndexFunc(left, func(o api.Header) bool { return o.RawName() == row.Name }); at >= 0 {
			row.Value, row.Remove = string(left[at].Value.Raw()), false
			left = slices.Delete(left, at, at+1)
		}
		f.Headers = append(f.Headers, row)
	}
	for i := range max(newHeaders, len(left)) {
		row := editHeader{Field: fmt.Sprint("n", i)}
		if i < len(left) {
			row.Name, row.Value = left[i].RawName(), string(left[i].Value.Raw())
		}
		f.New = append(f.New, row)
	}
	f.Body = string(will.body.Raw())
	switch raw := string(was.body.Raw()); {
	case was.body.Text == nil && !was.body.Null:
		f.BodyWhy = "The body is no text, which a form would spoil. It stays as it is; the command below takes it from a file."
	case !formKeeps(raw, true):
		f.BodyWhy = "The body has characters that a form would not keep. It stays as it is; the command below takes it from a file."
	}
}

// formKeeps reports whether a form sends a text as it is, but for the way in which
// its lines end.
func formKeeps(text string, lines bool) bool {
	if !utf8.ValidString(text) {
		return false
	}
	if !lines {
		return !strings.ContainsFunc(text, unicode.IsControl)
	}
	bare := strings.ReplaceAll(text, "\r\n", "\n")
	mixed := bare != text && strings.Count(text, "\r\n") != strings.Count(bare, "\n")
	return !mixed && !strings.ContainsFunc(bare, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

// read takes what the form says of the content.
func (f *editForm) read(r *http.Request, was entire) (will entire) {
	for i, h := range was.headers {
		value, there := r.PostForm[fmt.Sprint("h", i)]
		switch {
		case r.PostForm.Get(fmt.Sprint("x", i)) == "true":
			continue
		case there && f.Headers[i].Why == "":
			h.Value = api.NewBytes([]byte(value[0]), len(value[0]))
		}
		will.headers = append(will.headers, h)
	}
	for i := 0; r.PostForm.Has(fmt.Sprint("n", i, "-name")); i++ {
		if name, value := r.PostForm.Get(fmt.Sprint("n", i, "-name")), r.PostForm.Get(fmt.Sprint("n", i)); name != "" {
			will.headers = slices.DeleteFunc(will.headers, func(h api.Header) bool { return h.RawName() == name })
			will.headers = append(will.headers, api.NewHeader(name, value, len(value)))
		}
	}
	slices.SortFunc(will.headers, func(a, b api.Header) int { return strings.Compare(a.RawName(), b.RawName()) })
	will.body = was.body
	if text := r.PostForm.Get("body"); f.BodyWhy == "" && r.PostForm.Has("body") {
		will.body = sameLines(was.body, text)
	}
	return will
}

// sameLines is a text of a form, which ends its lines as the body did: forms end
// them in their own way. What was null stays so unless something is written.
func sameLines(was api.Bytes, text string) api.Bytes {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if bytes.Contains(was.Raw(), []byte("\r\n")) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if was.Null && text == "" {
		return was
	}
	return api.NewBytes([]byte(text), len(text))
}

// edits shows what an edit would change, and makes it when that was seen.
func (c *Console) edits(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		c.draw(w, r, c.trouble(&api.Error{Code: api.BadRequest, Message: "the form cannot be read, or is too large", Hint: "bridge dlq edit takes bodies of any size"}))
		return
	}
	v, next, says, err := c.edited(r)
	switch {
	case err != nil:
		c.draw(w, r, c.trouble(err))
	case next != "":
		c.goes(w, r, next, says, false)
	default:
		c.draw(w, r, v)
	}
}

// edited is the page of an edit, or where it leads when it was made.
func (c *Console) edited(r *http.Request) (v view, next, says string, err error) {
	if d, ok := c.once.past(onceOfEdit(r)); ok && r.PostForm.Get("step") == "edit" {
		return v, d.next, d.says, nil
	}
	f, was, err := c.editForm(r)
	switch {
	case err != nil:
		return v, "", "", err
	case f == nil:
		v, err = c.gone(r, r.PathValue("route"), r.PathValue("id"))
		return v, "", "", err
	case f.Why != "":
		f.Problem = &api.Error{Code: api.Forbidden, Message: "nothing was changed: " + f.Why}
	default:
		next, says, err = c.edit(r, f, was)
	}
	return f.view(), next, says, err
}

// edit judges a form, and makes the edit if it was seen as it is.
func (c *Console) edit(r *http.Request, f *editForm, was entire) (next, says string, err error) {
	form := r.PostForm
	f.Reason, f.Raw = strings.TrimSpace(form.Get("reason")), form.Get("raw") == "true"
	if form.Get("was") != f.Was {
		f.Problem = &api.Error{Code: "changed", Message: "the dead letter was changed meanwhile", Hint: "this is how it is now; edit it once more"}
		return "", "", nil
	}
	will := f.read(r, was)
	f.fill(was, will)
	f.HeaderDiff, f.BodyDiff = content.Diff(headerLines(was), headerLines(will)), bodyDiff(was.body, will.body)
	if f.HeaderDiff == nil && f.BodyDiff == nil {
		f.Problem = &api.Error{Code: "same", Message: "nothing differs", Hint: "change something first"}
		return "", "", nil
	}
	out, err := c.cfg.API.Edit(r.Context(), f.Route, f.ID, editOf(will, "", f.Raw, true))
	if f.refused(&err) {
		return "", "", err
	}
	f.Says = out.Says
	seen := form.Get("seen") == will.name()
	f.Seen = will.name()
	if form.Get("step") != "edit" || !seen {
		return "", "", nil
	}
	return c.makeEdit(r, f, will)
}

// onceOfEdit names what a form is sent for.
func onceOfEdit(r *http.Request) string { return r.URL.Path + " " + r.PostForm.Get("once") }

// makeEdit makes the edit that was seen.
func (c *Console) makeEdit(r *http.Request, f *editForm, will entire) (next, says string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actTime)
	defer cancel()
	says, next, err = c.once.do(onceOfEdit(r), func() (says, next string, err error) {
		out, err := c.cfg.API.Edit(ctx, f.Route, f.ID, editOf(will, f.Reason, f.Raw, false))
		id := f.ID
		if len(out.DeadLetters) == 1 { // it may be another one now
			id = out.DeadLetters[0]
		}
		return out.Says, letterPath(f.Route, id), err
	})
	f.refused(&err)
	if f.Problem != nil {
		next = ""
	}
	return next, says, err
}

// refused takes a refusal for the page.
func (f *editForm) refused(err *error) bool {
	if *err == nil {
		return false
	}
	if e, ok := asRefusal(*err); ok {
		f.Problem, *err = e, nil
	}
	return true
}

// headerLines has one header a line, so that they can be compared.
func headerLines(w entire) []byte {
	var b bytes.Buffer
	for _, h := range w.headers {
		fmt.Fprintf(&b, "%s: %s\n", oneLine(h.RawName()), oneLine(string(h.Value.Raw())))
	}
	return b.Bytes()
}

func oneLine(text string) string { return strings.ReplaceAll(printable(text), "\n", `\n`) }

func bodyDiff(was, will api.Bytes) []content.Line {
	if was.Null != will.Null && len(was.Raw())+len(will.Raw()) == 0 {
		return []content.Line{{Kind: "was", Text: "null"}, {Kind: "will", Text: "empty"}}
	}
	return content.Diff(was.Raw(), will.Raw())
}

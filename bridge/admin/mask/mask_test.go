package mask

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// path reads a path as the topology file writes it, without quotes.
func path(text string) (p Path) {
	for step := range strings.SplitSeq(text, ".") {
		switch step {
		case "*":
			p = append(p, Step{Any: true})
		case "**":
			p = append(p, Step{Deep: true})
		default:
			p = append(p, Step{Name: step})
		}
	}
	return p
}

func rules(fields ...string) *Rules {
	var all []Path
	for _, f := range fields {
		all = append(all, path(f))
	}
	return New([]string{"Authorization", "x-*-token", "*secret*"}, all)
}

func TestFieldsAreMaskedAndNothingElseIsTouched(t *testing.T) {
	for _, c := range []struct{ rule, in, want string }{
		{"password", `{"password":"hunter2"}`, `{"password":"***"}`},
		{"password", ` { "a" : 1.50e+3 , "password"	: { "deep" : [ 1 , {} ] } , "n":12345678901234567890 } `, ` { "a" : 1.50e+3 , "password"	: "***" , "n":12345678901234567890 } `},
		{"password", `{"Password":1,"PASSWORD":null,"passwords":2,"password":[]}`, `{"Password":"***","PASSWORD":"***","passwords":2,"password":"***"}`},
		{"password", `{"pass\u0077ord":"x"}`, `{"pass\u0077ord":"***"}`},
		{"password", `{"password":"a","password":"b"}`, `{"password":"***","password":"***"}`},
		{"password", `{"a":{"password":"x"}}`, `{"a":{"password":"x"}}`},
		{"password", `["password"]`, `["password"]`},
		{"password", `"password"`, `"password"`},
		{"password", `{}`, `{}`},
		{"card.number", `{"card":{"number":4111,"brand":"v"},"number":1}`, `{"card":{"number":"***","brand":"v"},"number":1}`},
		{"*.ssn", `{"a":{"ssn":1},"ssn":2,"b":{"c":{"ssn":3}}}`, `{"a":{"ssn":"***"},"ssn":2,"b":{"c":{"ssn":3}}}`},
		{"items.*.iban", `{"items":[{"iban":"x"},{"iban":"y","n":1}]}`, `{"items":[{"iban":"***"},{"iban":"***","n":1}]}`},
		{"items.1", `{"items":["a","b","c"]}`, `{"items":["a","***","c"]}`},
		{"items.1", `{"items":{"1":"a"}}`, `{"items":{"1":"***"}}`},
		{"**.ssn", `{"ssn":1,"a":[{"ssn":2,"b":{"ssn":{"ssn":3}}}]}`, `{"ssn":"***","a":[{"ssn":"***","b":{"ssn":"***"}}]}`},
		{"a.**", `{"a":{"b":1},"c":2}`, `{"a":"***","c":2}`},
		{"a.**.z", `{"a":{"z":1,"b":[{"z":2}]},"z":3}`, `{"a":{"z":"***","b":[{"z":"***"}]},"z":3}`},
		{"**.a.*.b", `{"a":{"a":{"b":1,"x":{"b":2}},"b":3}}`, `{"a":{"a":{"b":"***","x":{"b":"***"}},"b":3}}`},
		{"**.**.a", `{"a":1}`, `{"a":"***"}`},
		{"**", `[1]`, `"***"`},
		{"*", `{"a":1,"b":[2]}`, `{"a":"***","b":"***"}`},
		{"a", `{"q\"}":"\\\"","a":"\\"}`, `{"q\"}":"\\\"","a":"***"}`},
		{"é", `{"É":1}`, `{"É":"***"}`},
	} {
		got, _, why := rules(c.rule).Body([]byte(c.in))
		if string(got) != c.want || why != "" {
			t.Errorf("%s of %s\nis   %s %s\nwant %s", c.rule, c.in, got, why, c.want)
		}
	}
}

// What cannot be looked through is not shown, while there is something to look for.
func TestBodiesThatCannotBeLookedThroughAreHidden(t *testing.T) {
	deep := strings.Repeat(`{"a":`, MaxDepth+1) + "1" + strings.Repeat("}", MaxDepth+1)
	for body, want := range map[string]string{
		"password=hunter2":                       "no JSON",
		`{"password":"hunter2"} {}`:              "no JSON",
		`{"password":"hunter2"`:                  "no JSON",
		"\xef\xbb\xbf{}":                         "no JSON",
		"{\"password\":\"\xff\"}":                "no JSON",
		deep:                                     "deeper than 200",
		strings.Repeat("[", 5_000_000):           "larger than 1 MiB",
		strings.Repeat("[", 900_000):             "no JSON",
		`"` + strings.Repeat("x", MaxBody) + `"`: "larger than 1 MiB",
		deep[5 : len(deep)-1]:                    "",
	} {
		got, _, why := rules("password").Body([]byte(body))
		if (want == "") != (why == "") || !strings.Contains(why, want) || why != "" && got != nil {
			t.Errorf("%.40q: %q %.40q", body, why, got)
		}
		if got, _, why := New([]string{"h"}, nil).Body([]byte(body)); string(got) != body || why != "" {
			t.Errorf("without fields, %.40q: %q", body, why)
		}
	}
}

// What is masked may itself be deep: it is skipped, not followed.
func TestDeepValuesAreMasked(t *testing.T) {
	deep := `{"password":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`
	if got, _, why := rules("password").Body([]byte(deep)); string(got) != `{"password":"***"}` || why != "" {
		t.Errorf("%.80s %s", got, why)
	}
}

func TestHeadersAreMaskedByTheirNames(t *testing.T) {
	r := rules()
	for name, want := range map[string]bool{
		"authorization": true, "AUTHORIZATION": true, "authorization2": false, "xauthorization": false,
		"x-api-token": true, "X--Token": true, "x-token": false, "x-a-b-token": true, "x-a-tokens": false,
		"my-Secret-thing": true, "secret": true, "": false,
	} {
		if r.Header(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
	var none *Rules
	if none.Header("authorization") || !none.None() || none.Fields() || !New(nil, nil).None() {
		t.Error("no rules mask something")
	}
}

func TestHeadersInSidecarsAreMasked(t *testing.T) {
	in := `{"exchange":"","names":["authorization"],"values":{"Authorization":["one","two"],"h":{"F":{"x-my-token":{"t":true}}},"base64:/3NlY3JldA==":"y"},"types":{"n":"I"}}`
	want := `{"exchange":"","names":["authorization"],"values":{"Authorization":"***","h":{"F":{"x-my-token":"***"}},"base64:/3NlY3JldA==":"***"},"types":{"n":"I"}}`
	got, found, why := rules().Sidecar(in)
	if got != want || why != "" || found.Count != 5 {
		t.Errorf("%s %s %+v", got, why, found)
	}
	if got, _, why := rules().Sidecar("no JSON"); got != "" || why == "" {
		t.Errorf("%q %q", got, why)
	}
}

func TestTextsDoNotQuoteWhatIsMasked(t *testing.T) {
	_, found, _ := rules("password", "pin", "card").Body([]byte(`{"password":"hunter2","pin":123,"card":{"n":4111222233334444,"who":"a\"b\nc","ok":true,"esc":"caf\u00e9s"}}`))
	found.Add("bearer\x00of")
	for text, want := range map[string]string{
		`refused "hunter2"`:                      `refused "***"`,
		"hunter2hunter2, HUNTER2":                "******, HUNTER2",
		"pin 123 true":                           "pin 123 true", // too short to be told from other texts
		"card 4111222233334444.":                 "card ***.",
		`got {"who":"a\"b\nc"}`:                  `got {"who":"***"}`,
		`"caf\u00e9s"`:                           `"***"`,
		"who a\"b\nc":                            "who ***",
		"token bearer\x00of":                     "token ***",
		`token "bearer\x00of"`:                   `token "***"`,
		"cut off at hunt":                        "cut off at ***",
		"cut off at hunte…":                      "cut off at ***…",
		`cut off at "41112222"...`:               `cut off at "***"...`,
		"cut off at hun":                         "cut off at hun",
		"nothing":                                "nothing",
		"":                                       "",
		"long " + strings.Repeat("x", 2*MaxText): "long " + strings.Repeat("x", MaxText-5) + "…",
	} {
		if got := found.In(text, MaxText); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestManyValuesHideTheText(t *testing.T) {
	var body bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&body, `%c"value-%d"`, ",["[b2i(i == 0)], i)
	}
	body.WriteByte(']')
	_, found, why := rules("**").Body(body.Bytes())
	if got := found.In("value-1999", MaxText); got != NotShown || why != "" {
		t.Error(got, why)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestWordsOfAHiddenMessageAreNotQuoted(t *testing.T) {
	body := []byte(`name=alice&iban=DE02-1203&n=12`)
	for text, want := range map[string]string{
		`cannot book DE02-1203 of "alice": no such account`: `cannot book *** of "***": no such account`,
		"field iban=DE02-1203,x":                            "field ***=***,x",
		"n=12":                                              "n=12",
		"":                                                  "",
	} {
		if got := Words(text, MaxText, body); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	if got := Words("x", MaxText, make([]byte, MaxBody), []byte("y")); got != NotShown {
		t.Error(got)
	}
}

// document makes a random document, in which no two scalars are alike, and says
// which of them a naive reading of the rules masks.
type document struct {
	r      *rand.Rand
	paths  []Path
	masked []string
	plain  []string
	serial int
}

func (d *document) value(at []string, depth int, hidden bool) string {
	hidden = hidden || slices.ContainsFunc(d.paths, func(p Path) bool { return leads(p, at) })
	kind := d.r.IntN(5)
	if depth > 4 {
		kind = 3 + kind%2
	}
	switch kind {
	case 0, 1:
		var items []string
		for i := range d.r.IntN(4) {
			items = append(items, d.value(append(slices.Clone(at), strconv.Itoa(i)), depth+1, hidden))
		}
		return "[" + strings.Join(items, d.space()+",") + "]"
	case 2:
		var members []string
		for range d.r.IntN(4) {
			name := string(rune('a' + d.r.IntN(3)))
			member := d.value(append(slices.Clone(at), name), depth+1, hidden)
			if d.r.IntN(3) == 0 {
				name = strings.ToUpper(name)
			}
			members = append(members, d.space()+`"`+name+`"`+d.space()+":"+member)
		}
		return d.space() + "{" + strings.Join(members, ",") + "}"
	}
	d.serial++
	text := fmt.Sprintf("%d%d9", 1_000_000+d.serial, d.r.IntN(10))
	if hidden {
		d.masked = append(d.masked, text)
	} else {
		d.plain = append(d.plain, text)
	}
	if kind == 3 {
		return text
	}
	return `"` + text + `"`
}

func (d *document) space() string { return strings.Repeat(" ", d.r.IntN(2)) }

// leads reports whether a path leads to a place.
func leads(p Path, at []string) bool {
	switch {
	case len(p) == 0:
		return len(at) == 0
	case p[0].Deep:
		return leads(p[1:], at) || len(at) > 0 && leads(p, at[1:])
	case len(at) == 0:
		return false
	}
	return (p[0].Any || strings.EqualFold(p[0].Name, at[0])) && leads(p[1:], at[1:])
}

func TestRandomDocumentsAreMaskedAsANaiveReadingSays(t *testing.T) {
	steps := []string{"a", "b", "c", "*", "**", "0", "1"}
	r := rand.New(rand.NewPCG(1, 2))
	masked := 0
	for range 20_000 {
		d := &document{r: r}
		for range 1 + r.IntN(3) {
			var words []string
			for range 1 + r.IntN(4) {
				words = append(words, steps[r.IntN(len(steps))])
			}
			d.paths = append(d.paths, path(strings.Join(words, ".")))
		}
		text := d.value(nil, 0, false)
		got, found, why := New(nil, d.paths).Body([]byte(text))
		if why != "" || !json.Valid(got) {
			t.Fatalf("%v of %s is %s: %s", d.paths, text, got, why)
		}
		for _, v := range d.masked {
			if bytes.Contains(got, []byte(v)) || strings.Contains(found.In("it is "+v, MaxText), v) {
				t.Fatalf("%v of %s shows %s:\n%s", d.paths, text, v, got)
			}
		}
		for _, v := range d.plain {
			if !bytes.Contains(got, []byte(v)) {
				t.Fatalf("%v of %s hides %s:\n%s", d.paths, text, v, got)
			}
		}
		masked += len(d.masked)
	}
	if masked < 1000 {
		t.Errorf("only %d values were masked", masked)
	}
}

// FuzzBody: whatever comes is masked or hidden; the rest is as it was.
func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"password":"x","a":[1,{"password":2}],"n":1e9}`))
	f.Add([]byte(`[[[]]]`))
	f.Add([]byte("{\"a\\u0000\":\"\\ud800\"}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := rules("password", "**.ssn", "a.*.b")
		got, _, why := r.Body(body)
		if why != "" || len(body) == 0 {
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%q became %q", body, got)
		}
		again, _, _ := r.Body(got)
		if !bytes.Equal(got, again) {
			t.Errorf("%q masked twice is %q", got, again)
		}
		var was, is any
		if json.Unmarshal(body, &was) == nil && json.Unmarshal(got, &is) == nil {
			if obj, ok := is.(map[string]any); ok {
				if v, has := obj["password"]; has && v != Stars {
					t.Errorf("%q shows %v", body, v)
				}
			}
		}
	})
}

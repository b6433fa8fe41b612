package content

import (
	"fmt"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// flat is a tree in a line.
func flat(n Node) string {
	var parts []string
	for _, k := range n.Kids {
		parts = append(parts, flat(k))
	}
	text := map[string]string{"object": "{" + strings.Join(parts, ",") + "}", "array": "[" + strings.Join(parts, ",") + "]"}[n.Kind]
	if text == "" {
		text = n.Kind + " " + n.Text
	}
	if n.Cut != "" {
		text += " …" + n.Cut
	}
	if n.Named {
		return n.Name + "=" + text
	}
	return text
}

func TestI9_ATreeHasWhatTheTextHas(t *testing.T) {
	for text, want := range map[string]string{
		`{"b":1.50,"a":"x","b":1e400}`: "{b=number 1.50,a=string x,b=number 1e400}",
		` [true,null,"",[],{}] `:       "[word true,word null,string ,[],{}]",
		`{"a":{"b":[{"c":"\u0000"}]}}`: "{a={b=[{c=string \x00}]}}",
		`{"":9007199254740993}`:        "{=number 9007199254740993}",
	} {
		if root, ok := Tree([]byte(text), true); !ok || flat(root) != want {
			t.Errorf("%s: %s, %t; want %s", text, flat(root), ok, want)
		}
	}
	for _, text := range []string{"", "5", `"text"`, "null", "{", `{"a":1`, `{"a":}`, `{} {}`, "[1,]", "<xml/>", "{}x", `{"a" 1}`} {
		if root, ok := Tree([]byte(text), true); ok {
			t.Errorf("%q is a tree: %s", text, flat(root))
		}
	}
}

func TestATreeOfATornTextIsWhatThereIsOfIt(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":[1,2`:     "{a=[number 1,number 2] …cut off here} …cut off here",
		`{"a":1,"b":"x`: "{a=number 1} …cut off here",
		`[{"a":`:        "[{} …cut off here] …cut off here",
	} {
		if root, ok := Tree([]byte(text), false); !ok || flat(root) != want {
			t.Errorf("%s: %s, %t; want %s", text, flat(root), ok, want)
		}
	}
}

func TestD9_ATreeIsBounded(t *testing.T) {
	count := func(n Node) (nodes, depth int) { return measure(n) }
	for name, text := range map[string]string{
		"deep": strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"wide": "[" + strings.Repeat("1,", 200_000) + "1]",
		"long": `["` + strings.Repeat("é", 100_000) + `"]`,
		"torn": strings.Repeat(`{"a":`, 50_000),
	} {
		root, ok := Tree([]byte(text), name != "torn")
		nodes, depth := count(root)
		if !ok || nodes > MaxNodes+1 || depth > MaxDepth+2 || len(flat(root)) > 40*MaxNodes {
			t.Errorf("%s: %t, %d nodes, %d deep", name, ok, nodes, depth)
		}
	}
}

func measure(n Node) (nodes, depth int) {
	nodes = 1
	for _, k := range n.Kids {
		m, d := measure(k)
		nodes, depth = nodes+m, max(depth, d)
	}
	return nodes, depth + 1
}

func TestBodiesAreShownInTheWayThatSaysMost(t *testing.T) {
	for _, c := range []struct {
		body     api.Bytes
		as, want string
		ways     int
	}{
		{api.NewBytes([]byte(`{"a":1}`), 99), "", AsTree, 3},
		{api.NewBytes([]byte(`{"a":1}`), 99), "text", AsText, 3},
		{api.NewBytes([]byte(`{"a":1}`), 99), "nonsense", AsTree, 3},
		{api.NewBytes([]byte("plain"), 99), "tree", AsText, 2},
		{api.NewBytes([]byte("\xff\x00"), 99), "text", AsHex, 1},
		{api.NewBytes(nil, 99), "hex", "", 0},
		{api.NewBytes([]byte{}, 99), "hex", "", 0},
		{api.Bytes{Size: 9, Hidden: "not for you"}, "hex", "", 0},
		{api.NewBytes([]byte(`{"a":"`+strings.Repeat("x", 100)+`"}`), 50), "", AsTree, 3},
	} {
		b := NewBody(c.body, c.as)
		if b.As != c.want || len(b.Ways) != c.ways || (b.As == "") != (b.Why != "") {
			t.Errorf("%+v as %q: %+v", c.body, c.as, b)
		}
	}
	big := NewBody(api.NewBytes([]byte(strings.Repeat("\xff", 1<<20)), 1<<20), "")
	if big.Shown != MaxDump || len(big.Text) > 8*MaxDump || !strings.HasPrefix(big.Text, "00000000  ff ff") {
		t.Errorf("%d of %d", big.Shown, len(big.Text))
	}
	if long := NewBody(api.NewBytes([]byte(strings.Repeat("é", 1<<20)), 256<<10), ""); long.Shown > MaxShown || long.Size != 2<<20 {
		t.Errorf("%d of %d", long.Shown, long.Size)
	}
}

func header(name, value string) api.Header { return api.NewHeader(name, value, 4<<10) }

func TestI9_HeadersHaveTheTypesThatTheirBrokerGaveThem(t *testing.T) {
	h := NewHeaders([]api.Header{
		header("retries", "3"), header("plain", "x"), header("odd", "\xff"),
		header("bridge-amqp", `{"exchange":"","routing-key":"orders","content-type":"text/plain","timestamp":1,
			"types":{"retries":"I","base64:YQ==":"t"},
			"values":{"x-death":{"A":[{"F":{"l":{"l":3},"reason":"expired"}}]},"nothing":null,"raw":{"x":"/w=="},"price":{"D":[2,123]}}}`),
		header("a", "true"),
	})
	got := map[string]string{}
	for _, r := range h.Rows {
		got[r.Name] = r.Type + ": " + r.Text
	}
	for name, want := range map[string]string{
		"retries": "int32: 3", "plain": "string: x", "odd": "bytes: \xff", "a": "boolean: true", "nothing": "void: ",
		"x-death": `array: [{"l":3,"reason":"expired"}]`, "raw": "bytes: /w==", "price": "decimal: [2,123]",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if text := fmt.Sprint(h.Origin, h.Properties); text != "[{RabbitMQ exchange the default one, without a name} {RabbitMQ routing key orders}] [{content-type text/plain} {timestamp 1970-01-01T00:00:01Z}]" {
		t.Error(text)
	}
}

func TestARecordSaysWhereItCameFrom(t *testing.T) {
	h := NewHeaders([]api.Header{
		header("bridge-kafka", `{"topic":"orders","partition":3,"offset":1234,"timestamp":1700000000000,"key":"cart-7","names":["trace","trace","deleted"],"values":{"deleted":[null],"trace":["1","2"]}}`),
		header("trace", "2"), header("bridge-source-queue", "q"),
	})
	for _, want := range []string{"{Kafka topic orders}", "{Kafka partition 3}", "{Kafka offset 1234}", "{Kafka time 2023-11-14T22:13:20Z}", "{Kafka key cart-7}", "{queue q}"} {
		if !strings.Contains(fmt.Sprint(h.Origin), want) {
			t.Errorf("%s is not in %v", want, h.Origin)
		}
	}
	if text := fmt.Sprint(h.Rows); !strings.Contains(text, `text, the last of 2: ["1","2"]`) || !strings.Contains(text, "{deleted null ") {
		t.Error(text)
	}
}

// What is forged or damaged is a header like any other.
func TestD9_SidecarsThatAreNoneAreHeaders(t *testing.T) {
	for _, value := range []string{"", "null", "[]", "{", `{"a":1} x`, "\xff", `"text"`} {
		if h := NewHeaders([]api.Header{header("bridge-amqp", value), header("bridge-kafka", value)}); len(h.Rows) != 2 || h.Origin != nil {
			t.Errorf("%q: %+v", value, h)
		}
	}
	for _, value := range []string{`{"types":7,"values":[]}`, `{"types":{"a":{}},"values":{"a":{"A":7},"b":{"Z":1},"c":{"F":[1]}}}`, `{"values":{"a":7,"b":[]},"timestamp":"x","names":1}`} {
		NewHeaders([]api.Header{header("bridge-amqp", value), header("bridge-kafka", value), header("a", "1")})
	}
}

func TestDifferencesAreShownLineByLine(t *testing.T) {
	text := func(lines []Line) (s string) {
		for _, l := range lines {
			if l.Kind != "place" {
				s += l.Kind + ":" + l.Text + "|"
			}
		}
		return s
	}
	for _, c := range []struct{ was, will, want string }{
		{"a", "a", ""},
		{"a\nb", "a\nc", "same:a|was:b|will:c|"},
		{`{"a":1,"b":2}`, `{"a":1,"b":3}`, `same:{|same:  "a": 1,|was:  "b": 2|will:  "b": 3|same:}|`},
		{`{"a":1}`, `{"a": 1}`, `was:{"a":1}|will:{"a": 1}|`},
		{"-x", "+x", "was:-x|will:+x|"},
	} {
		if got := text(Diff([]byte(c.was), []byte(c.will))); got != c.want {
			t.Errorf("%q and %q: %s, want %s", c.was, c.will, got, c.want)
		}
	}
	if lines := Diff([]byte("a"), []byte("a\n")); len(lines) != 1 || !strings.Contains(lines[0].Text, "end") {
		t.Errorf("%+v", lines)
	}
}

func FuzzTree(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}]}`), true)
	f.Fuzz(func(t *testing.T, text []byte, whole bool) {
		root, _ := Tree(text, whole)
		if nodes, depth := measure(root); nodes > MaxNodes+2 || depth > MaxDepth+2 {
			t.Fatal(nodes, depth)
		}
		NewHeaders([]api.Header{header("bridge-amqp", string(text)), header("bridge-kafka", string(text))})
	})
}

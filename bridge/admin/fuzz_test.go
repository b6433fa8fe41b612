package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
)

// FuzzF6Query asks for lists with any parameters: the answer is JSON, and the fault, if
// there is one, the caller's.
func FuzzF6Query(f *testing.F) {
	lists := []string{"dead-letters", "export", "keys", "archive", "operations", "skips", "groups", "audit", "keys/a", "dead-letters/d1", "explain"}
	for i := range lists {
		f.Add(uint8(i), "after", "9899a19767c38000.d2", "limit", "2")
		f.Add(uint8(i), "key", "a/b", "after", "gap.")
		f.Add(uint8(i), "since", "2026-03-04T12:00:00Z", "until", "1h")
		f.Add(uint8(i), "key_base64", "/w==", "epoch", "-1")
		f.Add(uint8(i), "limit", "99999999999999999999", "blocked", "maybe")
		f.Add(uint8(i), "group", "\xff", "sort", "size")
	}
	s := server(f, status.Running)
	f.Fuzz(func(t *testing.T, list uint8, name, value, name2, value2 string) {
		q := url.Values{name: {value}, name2: {value2}}
		w := ask(s, http.MethodGet, "/api/v1/routes/orders/"+lists[int(list)%len(lists)]+"?"+q.Encode(), "")
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		var page struct{ Next string }
		if json.Unmarshal(w.Body.Bytes(), &page) == nil && page.Next != "" {
			if next := ask(s, http.MethodGet, page.Next, ""); next.Code != http.StatusOK {
				t.Errorf("%s is %d: %s", page.Next, next.Code, next.Body)
			}
		}
	})
}

// FuzzI9Letter exports a dead letter of any bytes, and reads it again.
func FuzzI9Letter(f *testing.F) {
	f.Add("id", "key", "h", "v", "i", "w", []byte("body"))
	f.Add("\xff", "\xfe", "a\xff", "\x00", "a\xfe", "�", []byte(nil))
	f.Fuzz(func(t *testing.T, id, key, name, value, name2, value2 string, body []byte) {
		in := store.DeadLetter{Route: "r", ID: "d", Key: key, Message: store.Message{
			ID: id, Payload: body, Metadata: map[string]string{name: value, name2: value2},
		}}
		text, err := json.Marshal((&content{m: &in.Message, payloads: PayloadsFull}).letter(&in))
		if err != nil {
			t.Fatal(err)
		}
		var out api.Letter
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
		md := map[string]string{}
		for _, h := range out.Headers {
			md[h.RawName()] = string(h.Value.Raw())
		}
		if out.RawID() != id || out.Raw() != key || !reflect.DeepEqual(md, in.Metadata) || string(out.Body.Raw()) != string(body) || out.Body.Null != (body == nil) {
			t.Errorf("%+v came as %s", in, text)
		}
	})
}

package admin

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/tries"
	"github.com/brokerbridge/bridge/ordering/store"
)

// TestTriesSurviveExportAndImport: the first, the last, how many were left out, how
// often it was redriven, and their traces.
func TestTriesSurviveExportAndImport(t *testing.T) {
	var many *store.TryLog
	for i := range 100 {
		many = many.Add(store.Try{At: noon.Add(time.Duration(i)), Took: time.Duration(i) * time.Millisecond, Class: "transient", Error: "no", Trace: store.Trace{ID: [16]byte{1}, Span: [8]byte{7: byte(i + 1)}}})
		if i%30 == 29 {
			many = many.Redriven()
		}
	}
	for name, log := range map[string]*store.TryLog{"none": nil, "many": many, "redriven only": (*store.TryLog)(nil).Redriven()} {
		d := store.DeadLetter{ID: "1", Message: store.Message{Tries: store.Tries{Log: log}}}
		doc, err := json.Marshal((&content{m: &d.Message, payloads: PayloadsFull}).letter(&d))
		if err != nil {
			t.Fatal(err)
		}
		var l api.Letter
		if err := json.Unmarshal(doc, &l); err != nil {
			t.Fatal(err)
		}
		if got := tries.Log(&l); !reflect.DeepEqual(got, log) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, log)
		}
	}
}

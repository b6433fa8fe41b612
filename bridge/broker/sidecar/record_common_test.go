package sidecar

import (
	"reflect"
	"testing"
)

var common = `{"topic":"orders","partition":3,"offset":123450,"timestamp":1795292033718,"key":"customer-17"}`

// FuzzReadCommon asks that what the quick way reads is what the other one reads.
func FuzzReadCommon(f *testing.F) {
	for _, text := range []string{
		common,
		`{"topic":"t","partition":0,"offset":0}`,
		`{"topic":"","partition":2147483648,"offset":0,"key":""}`,
		`{"topic":"t","partition":0,"offset":9223372036854775808}`,
		`{"topic":"t","partition":00,"offset":0}`,
		`{"topic":"t","partition":0,"offset":0,"timestamp":}`,
		`{"topic":"t\"","partition":0,"offset":-1,"timestamp":0}`,
		`{"topic":"t","partition":0,"offset":0,"key":"k","names":["a"]}`,
		`{"topic":"t","partition":0,"offset":0,"key":null}`,
		`{"topic":"t","partition":0,"offset":0,"key":"é"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quick, ok := readCommon(text)
		if !ok {
			return
		}
		slow, err := readParsed(text)
		if err != nil || !reflect.DeepEqual(quick, slow) {
			t.Errorf("%s: %+v, and slowly %+v, %v", text, quick, slow, err)
		}
	})
}

// The common form is read quickly, or nothing is gained.
func TestReadCommon(t *testing.T) {
	if _, ok := readCommon(common); !ok {
		t.Errorf("not read: %s", common)
	}
}

func BenchmarkReadRecord(b *testing.B) {
	for name, read := range map[string]func(string){
		"common": func(s string) { _, _ = readCommon(s) },
		"any":    func(s string) { _, _ = readParsed(s) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				read(common)
			}
		})
	}
}

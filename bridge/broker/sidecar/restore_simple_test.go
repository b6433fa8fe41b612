package sidecar

import (
	"reflect"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

var simple = `{"exchange":"","routing-key":"orders","content-type":"application/json","message-id":"order-17-3","delivery-mode":2,"priority":5,"timestamp":1795292033}`

// FuzzReadSimple asks that what the quick way reads is what the other one reads.
func FuzzReadSimple(f *testing.F) {
	for _, text := range []string{
		simple,
		`{"exchange":"x","routing-key":"r","types":{"n":"l","t":"T"}}`,
		`{"types":{"a":"x"},"types":{"b":"y"}}`,
		`{"types":{}}`,
		`{"types":{"base64:AA==":"l"}}`,
		`{"type":"","user-id":"u","app-id":"a","reply-to":"q","correlation-id":"c","expiration":"1","content-encoding":"gzip"}`,
		`{"delivery-mode":256}`,
		`{"priority":01}`,
		`{"exchange":"","routing-key":"r",}`,
		`{"exchange":"é"}`,
		`{"exchange":null,"routing-key":{"S":"/w=="}}`,
		`{}`,
		`{"exchange":"a"}{`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quick, ok := readSimple(text)
		if !ok {
			return
		}
		slow, err := readAny(text)
		if quick.types == nil {
			quick.types = map[string]byte{}
		}
		quick.values = amqp.Table{}
		if err != nil || !reflect.DeepEqual(quick, slow) {
			t.Errorf("%s: %+v, and otherwise %+v, %v", text, quick, slow, err)
		}
	})
}

// What most messages have is read quickly, or nothing is gained.
func TestReadSimple(t *testing.T) {
	for _, text := range []string{simple, `{"exchange":"x","routing-key":"r","types":{"n":"l","t":"T"}}`} {
		if _, ok := readSimple(text); !ok {
			t.Errorf("not read: %s", text)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for name, read := range map[string]func(string){
		"simple": func(s string) { _, _ = readSimple(s) },
		"any":    func(s string) { _, _ = readAny(s) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				read(simple)
			}
		})
	}
}

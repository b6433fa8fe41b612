package docs_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	rabbit "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
)

// values are those of the table of header types.
var values = map[string]any{
	"string": "text", "boolean": true, "int8": int8(-5), "uint8": uint8(5), "int16": int16(-5), "uint16": uint16(5),
	"int32": int32(-5), "uint32": uint32(5), "int64": int64(-5), "float": float32(0.1), "double": 0.1,
	"timestamp": time.Unix(1, 0), "bytes that are UTF-8": []byte("text"), "other bytes": []byte{0xff},
	"decimal": rabbit.Decimal{Scale: 2, Value: 123}, "array": []any{int32(1), "a"},
	"table": rabbit.Table{"k": true}, "void": nil,
}

var mappingRow = regexp.MustCompile("(?m)^\\| ([\\w -]+) \\| ([^|]*) \\| ([^|]*) \\| (nothing|`\"(?:types|values)\"[^|]*`) \\|$")

func TestMappingOfHeaderTypes(t *testing.T) {
	rows := mappingRow.FindAllStringSubmatch(read(t, filepath.Join(root, "docs/mapping.md")), -1)
	if len(rows) != len(values) {
		t.Errorf("docs/mapping.md has %d types of header, want %d", len(rows), len(values))
	}
	var e sidecar.Encoder
	for _, row := range rows {
		v, known := values[row[1]]
		if !known {
			t.Errorf("what is a %s?", row[1])
		}
		md := e.Encode(&rabbit.Delivery{Headers: rabbit.Table{"h": v}})
		text, there := md["h"]
		if want := strings.Trim(row[3], "`"); there != (want != "none") || there && text != want {
			t.Errorf("%s: the header is %q (%v), docs/mapping.md says %q", row[1], text, there, want)
		}
		side := strings.TrimSuffix(strings.TrimPrefix(md["bridge-amqp"], `{"exchange":"","routing-key":""`), "}")
		if want := strings.Trim(row[4], "`"); strings.TrimPrefix(side, ",") != want && (side != "" || want != "nothing") {
			t.Errorf("%s: the sidecar has %s, docs/mapping.md says %s", row[1], side, want)
		}
	}
}

func TestMappingShowsSidecarsAsTheyAre(t *testing.T) {
	shown := blocks(read(t, filepath.Join(root, "docs/mapping.md")), "json")
	if len(shown) != 2 {
		t.Fatalf("docs/mapping.md shows %d sidecars, want 2", len(shown))
	}
	var delivery sidecar.Encoder
	var record sidecar.RecordEncoder
	md := delivery.Encode(&rabbit.Delivery{
		RoutingKey: "orders", ContentType: "application/json", DeliveryMode: 2, Headers: rabbit.Table{"retries": int32(3)},
	})
	if got := compact(t, shown[0]); got != md["bridge-amqp"] || md["retries"] != "3" {
		t.Errorf("docs/mapping.md shows %s, it is %s", got, md["bridge-amqp"])
	}
	md = record.Encode(&kgo.Record{
		Topic: "orders", Partition: 3, Offset: 1234, Timestamp: time.UnixMilli(1700000000000), Key: []byte("cart-7"),
		Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("1")}, {Key: "trace", Value: []byte("2")}, {Key: "deleted"}},
	})
	if got := compact(t, shown[1]); got != md["bridge-kafka"] || md["trace"] != "2" {
		t.Errorf("docs/mapping.md shows %s, it is %s", got, md["bridge-kafka"])
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

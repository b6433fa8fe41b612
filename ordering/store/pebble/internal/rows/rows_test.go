package rows

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// fill sets every field of v to something of its own, so that a field the
// encoding forgets is noticed.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(int64(*n)*1e6, int64(*n)).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"a": "b", "": "c"}))
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.ValueOf([]string{"a", "", "b\xff"}))
			return
		}
		if v.Type().Elem().Kind() == reflect.Struct {
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0), n)
			fill(v.Index(1), n)
			return
		}
		v.SetBytes([]byte("payload"))
	case reflect.String:
		v.SetString(strings.Repeat("s", *n))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 4)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Int32:
		v.SetInt(-int64(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(lane.Quarantined))
	default:
		if v.CanInt() {
			v.SetInt(int64(*n) * 1000)
		} else {
			v.SetUint(uint64(*n) * 1000)
		}
	}
}

func full[T any]() (v T) {
	n := 0
	fill(reflect.ValueOf(&v).Elem(), &n)
	return v
}

// codec writes a value and reads it again, as an any.
type codec struct {
	name  string
	value any
	write func(any) []byte
	read  func([]byte) (any, error)
}

func codecs() []codec {
	rec, dead := full[store.Record](), full[store.DeadLetter]()
	rec.Key = store.Key{} // the row's key says it
	dead.Route, dead.ID, dead.Fingerprint = "", "", "0102030405060708"
	archived := full[store.Archived]()
	archived.DeadLetter = dead
	group, brief, event := full[store.Group](), dead.Brief(), full[store.Event]()
	group.Fingerprint, event.Seq = "", 0
	audit := full[store.Audit]()
	audit.Seq = 0 // the row's key says it
	head := Head{Version: rec.Version, Rows: 12, Blocked: true}
	return []codec{
		{
			"record", rec, func(v any) []byte {
				r := v.(store.Record)
				h := head
				h.Version = r.Version
				return AppendRecord(nil, h, &r)
			},
			func(b []byte) (any, error) { _, rec, err := ReadRecord(b); return rec, err },
		},
		{
			"parked", full[store.Message](), func(v any) []byte { m := v.(store.Message); return AppendParked(nil, &m) },
			func(b []byte) (any, error) { return ReadParked(b) },
		},
		{
			"dead", dead, func(v any) []byte { d := v.(store.DeadLetter); return AppendDead(nil, &d, parsed(d.Fingerprint)) },
			func(b []byte) (any, error) { return ReadDead(b) },
		},
		{
			"brief", brief, func(v any) []byte {
				b := v.(store.Brief)
				d := store.DeadLetter{At: b.At, Reason: b.Reason, Lane: b.Lane, Key: b.Key, Epoch: b.Epoch, Message: store.Message{Rev: b.Rev}}
				return AppendBrief(nil, &d, parsed(b.Fingerprint))
			},
			func(b []byte) (any, error) { return ReadBrief(b) },
		},
		{
			"archived", archived, func(v any) []byte {
				a := v.(store.Archived)
				return AppendArchived(nil, &a, parsed(a.Fingerprint))
			},
			func(b []byte) (any, error) { return ReadArchived(b) },
		},
		{
			"group", group, func(v any) []byte { g := v.(store.Group); return AppendGroupRow(nil, &g) },
			func(b []byte) (any, error) { return ReadGroupRow(b) },
		},
		{
			"event", event, func(v any) []byte { e := v.(store.Event); return AppendEvent(nil, &e) },
			func(b []byte) (any, error) { return ReadEvent(b) },
		},
		{
			"skip", full[store.Skip](), func(v any) []byte { s := v.(store.Skip); return AppendSkip(nil, &s) },
			func(b []byte) (any, error) { return ReadSkip(b) },
		},
		{
			"ledger", full[store.Ledger](), func(v any) []byte { return AppendLedger(nil, v.(store.Ledger)) },
			func(b []byte) (any, error) { return ReadLedger(b) },
		},
		{
			"audit", audit, func(v any) []byte { a := v.(store.Audit); return AppendAudit(nil, &a) },
			func(b []byte) (any, error) { return ReadAudit(b) },
		},
		{
			"position", full[store.Position](), func(v any) []byte { p := v.(store.Position); return AppendPositionRow(nil, &p) },
			func(b []byte) (any, error) { return ReadPositionRow(b) },
		},
		{
			"route", full[store.Identity](), func(v any) []byte { i := v.(store.Identity); return AppendRouteRow(nil, 7, &i) },
			func(b []byte) (any, error) { _, i, err := ReadRouteRow(b); return i, err },
		},
	}
}

func parsed(s string) Fingerprint {
	f, _ := ParseFingerprint(s)
	return f
}

// TestOperationComesBack: JSON is not what it would write in every case.
func TestOperationComesBack(t *testing.T) {
	o := full[store.Operation]()
	o.Selection.Key += "\xff"
	b, err := AppendOperation(nil, o)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ReadOperation(b); err != nil || !reflect.DeepEqual(got, o) {
		t.Errorf("\n got %+v %v\nwant %+v", got, err, o)
	}
	for n := range b {
		if _, err := ReadOperation(b[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut to %d of %d bytes: %v", n, len(b), err)
		}
	}
	if _, err := AppendOperation(nil, store.Operation{Rate: math.NaN()}); err == nil {
		t.Error("what cannot be written is")
	}
}

func TestEveryFieldComesBack(t *testing.T) {
	for _, c := range codecs() {
		for _, v := range []any{c.value, reflect.Zero(reflect.TypeOf(c.value)).Interface()} {
			if r, ok := v.(store.Record); ok && r.Version == 0 {
				r.Version = 1
				v = r
			}
			got, err := c.read(c.write(v))
			if err != nil || !reflect.DeepEqual(got, v) {
				t.Errorf("%s:\n got %+v %v\nwant %+v", c.name, got, err, v)
			}
		}
	}
	var l store.Ledger
	if n := reflect.TypeFor[store.Ledger]().NumField(); n != len(counters(&l)) {
		t.Errorf("a ledger has %d counts, %d are written", n, len(counters(&l)))
	}
}

func TestPeeksAgreeWithReads(t *testing.T) {
	rec, m, d := full[store.Record](), full[store.Message](), full[store.DeadLetter]()
	want := Head{Version: 5, Rows: 12, Blocked: true, Cause: Fingerprint{1, 7: 2}}
	if h, err := ReadHead(AppendRecord(nil, want, &rec)); err != nil || h != want {
		t.Errorf("head %+v %v", h, err)
	}
	rec.State.Parked, rec.State.Mode = 0, lane.Flowing
	if h, err := ReadHead(AppendRecord(nil, want, &rec)); err != nil || h.Blocked {
		t.Errorf("head %+v %v", h, err)
	}
	if size, p, err := PeekParked(AppendParked(nil, &m)); err != nil || size != m.Size() || p != m.Print {
		t.Errorf("parked %d %d %v", size, p, err)
	}
	if k, at, f, err := PeekDead(AppendDead(nil, &d, FingerprintOf(&d))); err != nil || f != FingerprintOf(&d) || k != d.Key || !at.Equal(d.At) {
		t.Errorf("dead %q %v %v", k, at, err)
	}
}

func TestExtremesComeBack(t *testing.T) {
	for _, s := range []lane.State{
		{Base: math.MinInt64, Next: math.MaxInt64, Highest: math.MinInt64, Lowest: math.MaxInt64},
		{Base: math.MaxInt64, Next: math.MinInt64, Highest: math.MaxInt64, Lowest: -1, Parked: math.MaxInt, Skips: math.MaxInt},
	} {
		r := store.Record{Version: math.MaxUint64, State: s, Since: time.Unix(math.MinInt64/4, 1e9-1).UTC()}
		_, got, err := ReadRecord(AppendRecord(nil, Head{Version: r.Version, Rows: math.MaxUint64}, &r))
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("\n got %+v %v\nwant %+v", got, err, r)
		}
	}
}

// TestFormatIsFixed: files of every release have to be read, so what is written
// may only change together with format.
func TestFormatIsFixed(t *testing.T) {
	m := store.Message{Rev: 300, ID: "id", Payload: []byte("p"), Metadata: map[string]string{"k": "v"}, Print: 0x0102030405060708, ParkedAt: time.Unix(5, 6)}
	r := store.Record{State: lane.State{Base: 1, Next: 3, Highest: 2, Skips: 2, First: [2]lane.Print{0, 1}}, Due: time.Unix(1, 0)}
	failed := store.Message{Tries: store.Tries{Attempts: 1, FirstFailed: time.Unix(5, 6), Class: "c", Error: "e", Log: &store.TryLog{
		First:   []store.Try{{At: time.Unix(5, 6), Took: 7, Class: "c", Error: "e", Trace: store.Trace{ID: [16]byte{15: 9}, Span: [8]byte{7: 8}}}},
		Last:    []store.Try{{At: time.Unix(6, 6), Class: "c", Error: "no"}, {At: time.Unix(7, 6), Class: "c", Error: "no", Redrives: 1}},
		Omitted: 4, Redrives: 1,
	}}}
	r.State.Recent[1], r.State.Recent[15] = 2, 3
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"record": {AppendRecord(nil, Head{Version: 9, Rows: 4}, &r), "01000904880902040102010000000000000000028280020200000000000000" + "0300000000000000"},
		"parked": {AppendParked(nil, &m), "0205080706050403020103d80402696406" + "0a01016b01760170"},
		"tries": {AppendParked(nil, &failed), "02" + "00" + "0000000000000000" + "14" + "00" + "00" + "8094ebdc03" +
			"02" + "060a" + "8094ebdc03" + "0163" + "0165" + // the story
			"04" + "01" + // two are left out, redriven once
			"01" + "060a" + "0e" + "01" + "02" + "00" + "01" + strings.Repeat("00", 15) + "09" + strings.Repeat("00", 7) + "08" +
			"02" + "060c" + "00" + "01" + "00" + "026e6f" + "00" + "00" + "060e" + "00" + "01" + "03" + "01" + "00"},
		"key":      {AppendRevision(AppendLane(nil, Parked, 1, "a\x00b", 2), 3), "7000000001" + "6100ff620001" + "00000002" + "8000000000000003"},
		"dead":     {AppendDead(nil, &store.DeadLetter{Key: "k", Lane: true, Message: store.Message{Rev: 1}}, Fingerprint{1, 7: 2}), "03" + "0100000000000002" + "016b0000008094ebdc0300000000000000000802008094ebdc03"},
		"ledger":   {AppendLedger(nil, store.Ledger{Delivered: 1, Dead: -1, Filtered: 64, Unmirrored: 2}), "03" + "02" + "00000000000000000000000000" + "01" + "8001" + "04" + "00000000"},
		"audit":    {AppendAudit(nil, &store.Audit{Seq: 9, Route: "r", Action: "skip", Key: "k", Epoch: 1, Count: -1, Hash: store.AuditHash{31: 9}}), "02" + "8094ebdc03" + "01" + "0172" + "00" + "04736b6970" + "016b" + "0000" + "01" + strings.Repeat("00", 31) + "09"},
		"position": {AppendPositionRow(nil, &store.Position{Topic: "t", TopicID: [16]byte{7}, Partition: 1, Next: 5, Committed: -1}), "01" + "07000000000000000000000000000000" + "02" + "0a" + "01" + "0174"},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

// TestOldRowsAreRead: without fingerprints, logs of tries, counts and hashes.
func TestOldRowsAreRead(t *testing.T) {
	dead, err := hex.DecodeString("01016b0000008094ebdc0300000000000000000802008094ebdc03")
	audit, err2 := hex.DecodeString("01" + "8094ebdc03" + "01" + "0172" + "00" + "04736b6970" + "016b" + "0000")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	d, err := ReadDead(dead)
	key, _, f, err2 := PeekDead(dead)
	if err := errors.Join(err, err2); err != nil || d.Key != "k" || key != "k" || d.Fingerprint != "" || f != (Fingerprint{}) {
		t.Errorf("%+v, %q %v, %v", d, key, f, err)
	}
	parked, err := hex.DecodeString("0105080706050403020103d80402696406" + "0a01016b01760170")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := ReadParked(parked); err != nil || m.ID != "id" || m.Log != nil {
		t.Errorf("%+v %v", m, err)
	}
	if a, err := ReadAudit(audit); err != nil || a.Action != "skip" || a.Count != 0 || a.Hash != (store.AuditHash{}) {
		t.Errorf("%+v %v", a, err)
	}
}

// TestOldLedgerIsRead: format 1 had no count of what was filtered.
func TestOldLedgerIsRead(t *testing.T) {
	old, err := hex.DecodeString("01" + "02" + "00000000000000000000000000" + "06")
	if err != nil {
		t.Fatal(err)
	}
	l, err := ReadLedger(old)
	if want := (store.Ledger{Delivered: 1, Dead: 3}); err != nil || l != want {
		t.Errorf("%+v %v, want %+v", l, err, want)
	}
	if _, err := ReadLedger(append(old, 0)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("with a count too many: %v", err)
	}
}

func TestDamageIsAnError(t *testing.T) {
	for _, c := range codecs() {
		b := c.write(c.value)
		for n := 1; n < len(b); n++ {
			if _, err := c.read(b[:n]); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s cut to %d of %d bytes: %v", c.name, n, len(b), err)
			}
		}
		if _, err := c.read(append(b, 0)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s with a byte too many: %v", c.name, err)
		}
		newest := b[0]
		for _, b[0] = range []byte{0, newest + 1} {
			says := fmt.Sprintf("format %d, this program reads %d", b[0], newest)
			if _, err := c.read(b); !errors.Is(err, store.ErrFormat) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s of another format: %v", c.name, err)
			}
		}
		if _, err := c.read(nil); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s of no bytes: %v", c.name, err)
		}
	}
}

// FuzzRows: no bytes make a decoder panic, and what it takes is what it would
// write.
func FuzzRows(f *testing.F) {
	for _, c := range codecs() {
		f.Add(c.write(c.value))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range codecs() {
			v, err := c.read(b)
			if err != nil {
				continue
			}
			again, err := c.read(c.write(v))
			if err != nil || !reflect.DeepEqual(again, v) {
				t.Errorf("%s: %+v became %+v %v", c.name, v, again, err)
			}
		}
		_, _ = ReadHead(b)
		_, _, _ = PeekParked(b)
		_, _, _, _ = PeekDead(b)
	})
}

// FuzzKeys: keys sort as what they name, none starts another, and all come
// apart again.
func FuzzKeys(f *testing.F) {
	for _, p := range [][2]string{{"", "\x00"}, {"a", "a\x00"}, {"a\x00", "a\x00\x01"}, {"a\xff", "a"}, {"\x00\x01", "\x00\xff"}} {
		f.Add(p[0], p[1], uint32(1), uint32(2), int64(3), int64(-1))
	}
	f.Fuzz(func(t *testing.T, a, b string, e, g uint32, r, s int64) {
		ka, kb := AppendLane(nil, Parked, 1, a, e), AppendLane(nil, Parked, 1, b, g)
		want := strings.Compare(a, b)
		if want == 0 {
			want = int(min(max(int64(e)-int64(g), -1), 1))
		}
		if got := bytes.Compare(ka, kb); got != want {
			t.Fatalf("%q %d and %q %d compare %d, their keys %d", a, e, b, g, want, got)
		}
		if want != 0 && (bytes.HasPrefix(ka, kb) || bytes.HasPrefix(kb, ka)) {
			t.Fatalf("the keys of %q and %q start each other", a, b)
		}
		if want < 0 && bytes.Compare(End(ka), kb) > 0 {
			t.Fatalf("the end of %q is behind %q", a, b)
		}
		ra, rb := AppendRevision(ka, lane.Revision(r)), AppendRevision(ka[:len(ka):len(ka)], lane.Revision(s))
		if (bytes.Compare(ra, rb) < 0) != (r < s) {
			t.Fatalf("revisions %d and %d are out of order", r, s)
		}
		name, epoch, rest, err := SplitLane(ra)
		rev, err2 := SplitRevision(rest)
		if err != nil || err2 != nil || name != a || epoch != e || int64(rev) != r {
			t.Fatalf("%q %d %d came apart as %q %d %d %v %v", a, e, r, name, epoch, rev, err, err2)
		}
		_, _, _, _ = SplitLane([]byte(b))
	})
}

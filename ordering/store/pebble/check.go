package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	cerrors "github.com/cockroachdb/errors"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/guard"
)

// Report is what a check of a store found.
type Report struct {
	Dir      string    `json:"dir"`
	Store    string    `json:"store,omitempty"` // its id
	Format   int       `json:"format,omitempty"`
	Bytes    int64     `json:"bytes"`
	Tables   int       `json:"tables"` // files of rows
	Rows     int64     `json:"rows"`
	Routes   []Counted `json:"routes"`
	AuditSeq uint64    `json:"audit_seq"`
	Problems []Problem `json:"problems"`
	More     int64     `json:"more_problems,omitempty"` // that are not in Problems
}

// Problem is something that should not be. A file or a row has it.
type Problem struct {
	File  string `json:"file,omitempty"`
	Table string `json:"table,omitempty"`
	Row   string `json:"row,omitempty"`
	Is    string `json:"is"`
}

func (p Problem) String() string {
	if p.File != "" {
		return fmt.Sprintf("file %s: %s", p.File, p.Is)
	}
	return fmt.Sprintf("%s %s: %s", p.Table, p.Row, p.Is)
}

// mostProblems are reported one by one: where there are more, they are of a kind.
const mostProblems = 1000

func (r *Report) add(p Problem) {
	if len(r.Problems) >= mostProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, p)
}

// Check reads all of a store that is not in use and reports what is wrong with it:
// files that are damaged, rows that cannot be read, indexes and counts that do not
// agree with the rows, audit rows that are not what was written. It changes
// nothing. The error is one of looking: there is no store, it is in use, or of
// another format.
func Check(ctx context.Context, dir string) (Report, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = finished(dir)
	}
	if err != nil {
		return Report{Dir: dir}, fmt.Errorf("check store %q: %w", dir, err)
	}
	return check(ctx, dir)
}

func check(ctx context.Context, dir string) (Report, error) {
	r := Report{Dir: dir, Routes: []Counted{}, Problems: []Problem{}}
	s, err := startReadOnly(dir, Options{Logger: slog.New(slog.DiscardHandler)})
	if errors.Is(err, ErrMissing) || errors.Is(err, store.ErrLocked) || errors.Is(err, store.ErrFormat) {
		return r, fmt.Errorf("check store %q: %w", dir, err)
	}
	if files := r.checkFiles(ctx, dir, inUse(s)); files != nil {
		return r, fmt.Errorf("check store %q: %w", dir, files)
	}
	if err != nil {
		r.add(Problem{File: fileOf(err, dir), Is: "the store does not open: " + withDetails(err)})
		return r, nil
	}
	err = r.checkStore(ctx, s)
	if closing := s.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return r, fmt.Errorf("check store %q: %w", dir, err)
	}
	return r, nil
}

// checkStore checks what a store that opens says.
func (r *Report) checkStore(ctx context.Context, s *Store) error {
	is, err := s.recall()
	if errors.Is(err, store.ErrFormat) {
		return err
	}
	if err != nil {
		r.add(Problem{Table: "store", Row: s.id, Is: err.Error()})
		return nil //nolint:nilerr // it is in the report
	}
	r.Store, r.Format, r.Routes = s.id, int(is), s.counted()
	if err := s.db.CheckLevels(nil); err != nil {
		r.add(Problem{File: fileOf(err, s.dir), Is: err.Error()})
	}
	if is != format {
		return nil // its rows are of another kind; they are brought up to date by a start
	}
	return r.checkRows(ctx, s)
}

// inUse are the names of the tables that a store consists of, nil if it does not
// open. A crash, or a start on a full disk, leaves tables that are half written and
// that the next start removes.
func inUse(s *Store) map[string]bool {
	if s == nil {
		return nil
	}
	levels, err := s.db.SSTables()
	if err != nil {
		return nil
	}
	names := map[string]bool{}
	for _, tables := range levels {
		for i := range tables {
			names[fmt.Sprintf("%s.sst", tables[i].BackingSSTNum)] = true
		}
	}
	return names
}

// checkFiles reads every block of every table that is in use; of each, if it is not
// known which are.
func (r *Report) checkFiles(ctx context.Context, dir string, used map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	o := (&Store{files: guard.New(vfs.Default, slog.New(slog.DiscardHandler))}).settings(Options{Logger: slog.New(slog.DiscardHandler)})
	o.EnsureDefaults()
	settings := o.MakeReaderOptions()
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			r.Bytes += info.Size()
		}
		if filepath.Ext(e.Name()) != ".sst" || used != nil && !used[e.Name()] {
			continue
		}
		r.Tables++
		if err := checkTable(ctx, filepath.Join(dir, e.Name()), settings); err != nil {
			r.add(Problem{File: e.Name(), Is: withDetails(err)})
		}
	}
	return nil
}

// checkTable reads a table. Damage makes Pebble panic here and there.
func checkTable(ctx context.Context, path string, settings sstable.ReaderOptions) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pebble: %v", p)
		}
	}()
	f, err := vfs.Default.Open(path)
	if err != nil {
		return err
	}
	table, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	reader, err := sstable.NewReader(ctx, table, settings)
	if err != nil {
		return errors.Join(err, table.Close())
	}
	return errors.Join(reader.ValidateBlockChecksums(), reader.Close())
}

// fileOf is the file that an error is about, as far as it says so.
func fileOf(err error, dir string) string {
	text := withDetails(err)
	entries, readErr := os.ReadDir(dir)
	if readErr != nil {
		return filepath.Base(dir)
	}
	for _, e := range entries {
		if strings.Contains(text, e.Name()) {
			return e.Name()
		}
	}
	return filepath.Base(dir)
}

func withDetails(err error) string {
	if details := cerrors.FlattenDetails(err); details != "" {
		return fmt.Sprintf("%v (%s)", err, details)
	}
	return err.Error()
}

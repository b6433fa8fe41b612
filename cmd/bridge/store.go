package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

func newStore() *cobra.Command {
	return newGroup("store", "Back up, restore and check the store", newStoreBackup(), newStoreRestore(), newStoreCheck(), newStoreInfo())
}

// storeDir are the flags of commands that look at a store that no bridge uses.
type storeDir struct {
	file fileFlag
	dir  string
}

func (d *storeDir) add(cmd *cobra.Command) {
	if cmd.Flags().Lookup("config") == nil {
		d.file.add(cmd)
	}
	cmd.Flags().StringVar(&d.dir, "dir", "", "directory of the store (default: that of the topology file)")
	_ = cmd.MarkFlagDirname("dir") // it fails only for flags that do not exist
}

// find is the directory that was given, else that of the topology file.
func (d *storeDir) find() (string, error) {
	if d.dir != "" {
		return d.dir, nil
	}
	f, err := d.file.load()
	if err != nil {
		return "", err
	}
	if f.Store.Pebble == nil {
		return "", &exitError{invalid, fmt.Errorf("%s has its store in memory: there are no files", f.Name), ""}
	}
	return f.Store.Pebble.Dir, nil
}

// ofStore gives an error of a store its exit code and its hint.
func ofStore(err error) error {
	code, hint := failed, ""
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrLocked):
		code, hint = environment, "a bridge runs with it: stop that one; only a backup is made while it runs"
	case errors.Is(err, pebble.ErrMissing):
		code, hint = environment, "say where it is with --dir DIR or -c FILE"
	case errors.Is(err, store.ErrFormat), errors.Is(err, store.ErrFull):
		code = environment
	case errors.Is(err, pebble.ErrBackup):
		code = invalid
	}
	return &exitError{code, err, hint}
}

func newStoreBackup() *cobra.Command {
	var a ask
	var d storeDir
	var reason string
	cmd := &cobra.Command{
		Use: "backup DIR", Short: "Copy the store to a new directory, while the bridge runs", Args: one("directory"),
		Long: "Has the running bridge copy its store to a directory of its machine, which must not\n" +
			"be there or be empty. Messages move meanwhile. With --offline the store of a bridge\n" +
			"that does not run is copied.\n\n" +
			"On the store's own volume the copy takes nearly no room, and is no help when the\n" +
			"volume is lost.",
		Example: "  bridge store backup /backup/bridge-2026-03-04\n  bridge store backup /backup/before-upgrade --offline",
		RunE: does(func(cmd *cobra.Command, args []string) error {
			to, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			var b api.StoreBackup
			if a.rests {
				d.file = a.file
				b, err = backupOffline(cmd, &d, to)
			} else {
				b, err = backupOnline(cmd, &a, to, reason)
			}
			if err != nil {
				return err
			}
			return show(cmd, a.output.value, []api.StoreBackup{b}, backupText)
		}),
	}
	a.add(cmd)
	d.add(cmd)
	cmd.Flags().Lookup("offline").Usage = "the bridge does not run: copy the files of its store"
	cmd.Flags().StringVar(&reason, "reason", "backup", "why, for the log of the bridge")
	return cmd
}

func backupOnline(cmd *cobra.Command, a *ask, to, reason string) (api.StoreBackup, error) {
	c, err := a.client(cmd)
	if err != nil {
		return api.StoreBackup{}, err
	}
	return c.BackupStore(cmd.Context(), api.BackupStore{Dir: to, Reason: reason, By: whoAmI()})
}

func backupOffline(cmd *cobra.Command, d *storeDir, to string) (api.StoreBackup, error) {
	from, err := d.find()
	if err != nil {
		return api.StoreBackup{}, err
	}
	b, err := pebble.BackupOffline(cmd.Context(), from, to)
	if err != nil {
		return api.StoreBackup{}, ofStore(err)
	}
	return backupMade(b), nil
}

// backupMade is a backup as the API tells of it.
func backupMade(b pebble.Backup) api.StoreBackup {
	return api.StoreBackup{At: b.At, Dir: b.Dir, Store: b.Store, Bytes: b.Bytes, Routes: len(b.Routes), AuditSeq: b.AuditSeq}
}

func backupText(cmd *cobra.Command, b api.StoreBackup) {
	fact(cmd, "backup", b.Dir)
	fact(cmd, "of", instant(b.At))
	fact(cmd, "store", b.Store)
	fact(cmd, "bytes", fmt.Sprint(b.Bytes))
	fact(cmd, "routes", fmt.Sprint(b.Routes))
}

func newStoreRestore() *cobra.Command {
	var d storeDir
	var output choice
	var reason string
	cmd := &cobra.Command{
		Use: "restore DIR", Short: "Make a store of a backup", Args: one("directory"),
		Long: "Copies a backup to the store's directory, which must be missing or empty, checks it, and\n" +
			"records that in the audit. The restored store is the same store, earlier: it knows\n" +
			"nothing of what happened since the backup. Be sure that the bridge it is from never\n" +
			"runs again.",
		Example: "  bridge store restore /backup/bridge-2026-03-04 --reason 'the disk broke'",
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return &exitError{invalid, errors.New("say why, with --reason TEXT: it is kept in the audit"), ""}
			}
			to, err := d.find()
			if err != nil {
				return err
			}
			r, err := pebble.Restore(cmd.Context(), args[0], to, whoAmI(), reason)
			if err != nil {
				return ofStore(err)
			}
			r.Backup.Files = nil
			return show(cmd, output.value, []pebble.Restored{r}, func(cmd *cobra.Command, r pebble.Restored) { restoredText(cmd, to, r) })
		}),
	}
	d.add(cmd)
	output.flag(cmd, "output", "o", "how the result is written", "table", "json")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit; required")
	return cmd
}

func restoredText(cmd *cobra.Command, to string, r pebble.Restored) {
	fact(cmd, "restored", to)
	fact(cmd, "as of", fmt.Sprintf("%s, %s ago", instant(r.Backup.At), time.Since(r.Backup.At).Round(time.Second)))
	countedText(cmd, r.Backup.Routes)
	fmt.Fprint(cmd.ErrOrStderr(), "it knows nothing of what happened since: where messages were delivered meanwhile, start once with\n"+
		"  bridge run --adopt-once --accept-offset\n"+
		"see A lost or restored store in docs/operations.md\n")
}

func countedText(cmd *cobra.Command, routes []pebble.Counted) {
	for _, r := range routes {
		l := r.Ledger
		fact(cmd, "route", fmt.Sprintf("%s: %d delivered, %d parked, %d dead letters", r.Route, l.Delivered, l.Parked, l.Dead))
	}
}

func newStoreCheck() *cobra.Command {
	var d storeDir
	var output choice
	cmd := &cobra.Command{
		Use: "check", Short: "Look for damage in the store of a bridge that does not run", Args: none,
		Long: "Reads every file and row of a store or of a backup and reports what is wrong: files that\n" +
			"are damaged, rows that cannot be read, indexes and counts that do not agree with the\n" +
			"rows, audit entries that are not what was written. Changes nothing. Exit code 1 where\n" +
			"something is wrong.",
		Example: "  bridge store check\n  bridge store check --dir /backup/bridge-2026-03-04 -o json",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			dir, err := d.find()
			if err != nil {
				return err
			}
			r, err := pebble.Check(cmd.Context(), dir)
			if err != nil {
				return ofStore(err)
			}
			if err := show(cmd, output.value, []pebble.Report{r}, reportText); err != nil {
				return err
			}
			if n := int64(len(r.Problems)) + r.More; n > 0 {
				return &exitError{failed, fmt.Errorf("the store has %d problems", n), "keep a copy of it as it is; docs/operations.md says what to do"}
			}
			return nil
		}),
	}
	d.add(cmd)
	output.flag(cmd, "output", "o", "how the result is written", "table", "json")
	return cmd
}

func reportText(cmd *cobra.Command, r pebble.Report) {
	fact(cmd, "store", r.Dir)
	fact(cmd, "id", r.Store)
	fact(cmd, "format", fmt.Sprint(r.Format))
	fact(cmd, "read", fmt.Sprintf("%d bytes, %d tables, %d rows, %d audit entries", r.Bytes, r.Tables, r.Rows, r.AuditSeq))
	countedText(cmd, r.Routes)
	for _, p := range r.Problems {
		fact(cmd, "problem", p.String())
	}
	if r.More > 0 {
		fact(cmd, "problems", fmt.Sprintf("and %d more", r.More))
	}
	if len(r.Problems) == 0 {
		fact(cmd, "problems", "none")
	}
}

func newStoreInfo() *cobra.Command {
	var d storeDir
	var output choice
	cmd := &cobra.Command{
		Use: "info", Short: "Say what is in the store of a bridge that does not run", Args: none,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			dir, err := d.find()
			if err != nil {
				return err
			}
			info, err := pebble.Inspect(dir)
			if err != nil {
				return ofStore(err)
			}
			return show(cmd, output.value, []pebble.Info{info}, infoText)
		}),
	}
	d.add(cmd)
	output.flag(cmd, "output", "o", "how the result is written", "table", "json")
	return cmd
}

func infoText(cmd *cobra.Command, i pebble.Info) {
	fact(cmd, "store", i.Dir)
	fact(cmd, "id", i.Store)
	fact(cmd, "format", fmt.Sprint(i.Format))
	fact(cmd, "bytes", fmt.Sprint(i.Bytes))
	fact(cmd, "free", fmt.Sprint(i.Free))
	countedText(cmd, i.Routes)
	if r := i.Restored; r != nil {
		fact(cmd, "restored", fmt.Sprintf("%s from a backup of %s", instant(r.At), instant(r.Backup.At)))
	}
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/config"
)

const defaultFile = "bridge.yaml"

// fileFlag is the topology file of a command.
type fileFlag struct{ path string }

func (f *fileFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.path, "config", "c", defaultFile, "topology file")
	// It fails only for flags that do not exist.
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
}

// load reads the file. Its faults are config.Faults.
func (f *fileFlag) load() (*config.File, error) {
	file, err := config.Load(f.path, os.LookupEnv)
	if err == nil {
		return file, nil
	}
	if _, ok := errors.AsType[config.Faults](err); ok {
		return nil, err
	}
	hint := ""
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no file %s", f.path)
		hint = "name one with -c FILE; bridge validate -c FILE checks one, bridge demo needs none"
	}
	return nil, &exitError{invalid, err, hint}
}

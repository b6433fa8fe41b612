package main

import (
	"errors"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// absent makes "no such operation" and "nothing like that in the archive" what find
// takes for "ask the next route".
func absent(err error) error {
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Code != api.UnknownOperation && e.Code != api.UnknownArchived {
		return err
	}
	other := *e
	other.Code = api.UnknownDeadLetter
	return &other
}

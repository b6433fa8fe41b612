package main

import (
	"path/filepath"

	"github.com/brokerbridge/bridge/examples/internal/table"
)

// bank stands for what is outside of all services: it has a memory of its own, and
// a payment that is made of it is not part of anybody's update. Like a real one
// it takes an id with each request, and does what has the same id once.
type bank struct {
	table *table.Table
	moved func(id string) // for tests, which kill the process here
}

func openBank(dir string, moved func(string)) (*bank, error) {
	t, err := table.Open(filepath.Join(dir, "bank"))
	if err != nil {
		return nil, err
	}
	return &bank{table: t, moved: moved}, nil
}

func (b *bank) move(id, order, what string) error {
	err := b.table.Update(func(tx *table.Tx) error {
		var done bool
		if tx.Get("request/"+id, &done); done {
			return nil
		}
		tx.Put("request/"+id, true)
		tx.Count("did/"+order+"/"+what, 1)
		return nil
	})
	b.moved(id)
	return err
}

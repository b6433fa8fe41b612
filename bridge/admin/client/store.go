package client

import (
	"context"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// BackupStore has the bridge copy its store to a directory of its machine, which
// may take as long as ctx allows.
func (c *Client) BackupStore(ctx context.Context, b api.BackupStore) (out api.StoreBackup, err error) {
	err = c.patient().send(ctx, "/api/v1/store/backup", b, &out)
	return out, err
}

package client

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// BackupStore has the bridge copy its store to a directory of its machine, which
// may take as long as ctx allows.
func (c *Client) BackupStore(ctx context.Context, b api.BackupStore) (out api.StoreBackup, err error) {
	body, err := json.Marshal(b)
	if err != nil {
		return out, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/api/v1/store/backup", bytes.NewReader(body))
	if err != nil {
		return out, c.unasked(err)
	}
	req.Header.Set("Content-Type", "application/json")
	patient, slow := *c, *c.http
	slow.Timeout = 0
	patient.http = &slow
	err = patient.do(req, &out)
	return out, err
}

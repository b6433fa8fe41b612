package api

import "time"

// BackupStore asks for a copy of the store.
type BackupStore struct {
	Dir    string `json:"dir"`    // a new directory on the bridge's machine, named in full
	Reason string `json:"reason"` // why, for the log
	By     string `json:"by,omitempty"`
}

// StoreBackup is a copy of the store.
type StoreBackup struct {
	At       time.Time `json:"at"` // what was stored before is in it
	Dir      string    `json:"dir"`
	Store    string    `json:"store"` // the id of the store
	Bytes    int64     `json:"bytes"`
	Routes   int       `json:"routes"`
	AuditSeq uint64    `json:"audit_seq"` // of the last audit row in it
}

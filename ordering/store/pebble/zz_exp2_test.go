package pebble

import "github.com/cockroachdb/pebble/v2/vfs"

var vfsDefault = vfs.Default

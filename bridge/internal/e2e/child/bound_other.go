//go:build !linux

package child

import "syscall"

// bound is for Linux only; elsewhere a bridge may outlive a killed test.
func bound() *syscall.SysProcAttr { return nil }

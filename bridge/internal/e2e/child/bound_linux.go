package child

import "syscall"

// bound ends a child with the thread that started it: a test process that is
// killed leaves no bridge behind.
func bound() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

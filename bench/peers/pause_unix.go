//go:build unix

package peers

import "syscall"

// pause stops the peer between its turns: threads of OpenBLAS wait actively for more work, on a processor of ours.
func (p *Peer) pause() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// resume lets it go on.
func (p *Peer) resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

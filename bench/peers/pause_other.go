//go:build !unix

package peers

// pause does nothing: this system cannot stop a process.
func (p *Peer) pause() error { return nil }

// resume does nothing either.
func (p *Peer) resume() error { return nil }

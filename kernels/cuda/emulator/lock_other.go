//go:build !unix

package emulator

// lock does nothing: the emulator is not built on such systems.
func lock(string) (unlock func(), err error) { return func() {}, nil }

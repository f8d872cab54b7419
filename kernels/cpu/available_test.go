package cpu

import "testing"

// What is available lies between nothing and the whole machine.
func TestAvailable(t *testing.T) {
	dev, err := New(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}()
	if dev.Info().Memory == 0 {
		t.Skip("the system does not tell how much memory it has")
	}
	if got := dev.Available(); got <= 0 || got > dev.Info().Memory {
		t.Errorf("%d bytes available of %d", got, dev.Info().Memory)
	}
}

package sealed

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
)

func pair(t *testing.T) (*age.X25519Identity, []age.Recipient) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	to, err := Recipients("# the shop\n" + id.Recipient().String() + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return id, to
}

func seal(t *testing.T, to []age.Recipient, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := Encrypt(&b, to)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func opened(t *testing.T, data []byte, with []age.Identity) ([]byte, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.age")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err := Decrypt(&b, path, with)
	return b.Bytes(), err
}

func TestRoundTrip(t *testing.T) {
	id, to := pair(t)
	ids, err := Identities(id.String()+"\n", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 1000, 64 << 10, 200_000} {
		text := make([]byte, n)
		for i := range text {
			text[i] = byte(rand.IntN(256))
		}
		if got, err := opened(t, seal(t, to, text), ids); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestPassphrase(t *testing.T) {
	to, err := Passphrase("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	data := seal(t, []age.Recipient{to}, []byte("text"))
	right, _ := Identities("", "correct horse")
	wrong, _ := Identities("", "battery staple")
	if got, err := opened(t, data, right); err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := opened(t, data, wrong); !errors.Is(err, ErrWrongKey) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if _, err := Passphrase("short"); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("a short passphrase: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	id, to := pair(t)
	other, _ := pair(t)
	data := seal(t, to, bytes.Repeat([]byte("customer 17 "), 6000)) // more than one block of 64 KiB
	with := []age.Identity{id}
	if _, err := opened(t, data, []age.Identity{other}); !errors.Is(err, ErrWrongKey) {
		t.Errorf("a wrong key: %v", err)
	}
	if _, err := opened(t, data, nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("no key: %v", err)
	}
	header := bytes.Index(data, []byte("\n---")) + 50
	cuts := []int{0, 1, 10, header - 60, header, header + 16, header + 17, header + 1000, len(data) / 2, header + 16 + 64<<10 + 16, len(data) - 17, len(data) - 16, len(data) - 1}
	for _, n := range cuts {
		if n < 0 || n >= len(data) {
			continue
		}
		if _, err := opened(t, data[:n], with); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrWrongKey) {
			t.Errorf("cut to %d of %d bytes: %v", n, len(data), err)
		}
	}
	small := seal(t, to, []byte("customer 17"))
	for i := range small {
		changed := bytes.Clone(small)
		changed[i] ^= 1
		if _, err := opened(t, changed, with); err == nil {
			t.Errorf("byte %d of %d was changed unnoticed", i, len(small))
		}
	}
	if _, err := opened(t, append(bytes.Clone(small), 0), with); !errors.Is(err, ErrDamaged) {
		t.Errorf("a byte more: %v", err)
	}
}

func TestKeysAreNotTold(t *testing.T) {
	id, _ := pair(t)
	_, err := Identities(strings.ToLower(id.String())+"x", "")
	if err == nil || strings.Contains(strings.ToLower(err.Error()), strings.ToLower(id.String())) {
		t.Errorf("%v", err)
	}
	if _, err := Recipients(id.String()); err == nil || strings.Contains(err.Error(), id.String()) {
		t.Errorf("%v", err)
	}
}

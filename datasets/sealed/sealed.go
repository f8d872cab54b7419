// Package sealed encrypts files at rest with age (age-encryption.org): for
// public keys, or with a passphrase. Keys and passphrases are read from files or
// the environment, and stand in no message.
package sealed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
)

// Errors of reading, to be matched.
var (
	// ErrWrongKey says that no key given opens the file.
	ErrWrongKey = errors.New("none of the keys opens it")
	// ErrDamaged says that the file was cut short or changed.
	ErrDamaged = errors.New("it was cut short or changed since it was encrypted")
	// ErrNoKey says that a file is encrypted and no key is given.
	ErrNoKey = errors.New("it is encrypted, and no key is given")
)

// Extension is that of encrypted files.
const Extension = ".age"

// magic begins every file of age.
const magic = "age-encryption.org/v1\n"

// KeyError is a line of a text that is no public key.
type KeyError struct {
	Line   int
	Secret bool // it is a secret key
}

func (e *KeyError) Error() string {
	if e.Secret {
		return "this is a secret key, which must not stand here, and is known to whoever can read this: make a new pair with age-keygen -o key.txt, and name its public key, age1…"
	}
	return "a public key of age begins with age1; make a pair with age-keygen -o key.txt, and name its public key"
}

// Recipients parses public keys: each text is a key, age1…, or a list of keys,
// one a line, with # before comments. What is none is a *KeyError.
func Recipients(texts ...string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, text := range texts {
		for i, line := range strings.Split(text, "\n") {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			r, err := age.ParseRecipients(strings.NewReader(line))
			if err != nil {
				return nil, &KeyError{Line: i + 1, Secret: strings.HasPrefix(strings.ToUpper(line), "AGE-SECRET-KEY-")}
			}
			all = append(all, r...)
		}
	}
	return all, nil
}

// Passphrase makes a recipient of a passphrase. It must be the only one.
func Passphrase(text string) (age.Recipient, error) {
	if len(text) < 8 {
		return nil, fmt.Errorf("the passphrase has %d characters; it needs at least 8", len(text))
	}
	return age.NewScryptRecipient(text)
}

// Identities parses what opens files: a text that holds secret keys,
// AGE-SECRET-KEY-1…, one a line, or a passphrase. Each may be empty.
func Identities(keys, passphrase string) ([]age.Identity, error) {
	var all []age.Identity
	if strings.TrimSpace(keys) != "" {
		ids, err := age.ParseIdentities(strings.NewReader(keys))
		if err != nil {
			// Its message may quote the key.
			return nil, errors.New("a secret key of age begins with AGE-SECRET-KEY-1; age-keygen -o key.txt writes one")
		}
		all = append(all, ids...)
	}
	if passphrase != "" {
		id, err := age.NewScryptIdentity(passphrase)
		if err != nil {
			return nil, errors.New("the passphrase cannot be used")
		}
		all = append(all, id)
	}
	return all, nil
}

// Encrypt writes what it is given to w, encrypted. The file is complete once
// Close has returned nil.
func Encrypt(w io.Writer, to []age.Recipient) (io.WriteCloser, error) {
	out, err := age.Encrypt(w, to...)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return out, nil
}

// Is reports whether a file is encrypted by age, by its first bytes.
func Is(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	head := make([]byte, len(magic))
	n, err := io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n == len(magic) && string(head) == magic, errors.Join(err, f.Close())
}

// Decrypt copies the content of an encrypted file to w. What has been written
// when an error is returned must not be used: the end of a file vouches for it.
// Errors match ErrNoKey, ErrWrongKey or ErrDamaged.
func Decrypt(w io.Writer, path string, with []age.Identity) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return DecryptFrom(w, f, path, with)
}

// DecryptFrom is Decrypt of what r reads; name is for messages.
func DecryptFrom(w io.Writer, r io.Reader, name string, with []age.Identity) error {
	refuse := func(err error) error {
		return fmt.Errorf("decrypt %s: %w", filepath.Base(name), err)
	}
	if len(with) == 0 {
		return refuse(ErrNoKey)
	}
	head := bufio.NewReaderSize(r, 1<<16)
	if start, _ := head.Peek(len(magic)); !bytes.Equal(start, []byte(magic)) {
		return refuse(ErrDamaged)
	}
	in, err := age.Decrypt(head, with...)
	var wrong *age.NoIdentityMatchError
	switch {
	case errors.As(err, &wrong):
		return refuse(ErrWrongKey)
	case err != nil:
		return refuse(ErrDamaged)
	}
	out := &watched{w: w}
	if _, err := io.Copy(out, in); err != nil {
		if out.err != nil {
			return refuse(out.err)
		}
		return refuse(ErrDamaged)
	}
	return nil
}

// watched tells errors of writing from those of reading.
type watched struct {
	w   io.Writer
	err error
}

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	if err != nil {
		w.err = err
	}
	return n, err
}

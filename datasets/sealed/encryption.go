package sealed

import (
	"errors"
	"log/slog"
	"strconv"

	"filippo.io/age"

	"debut/datasets/configfile"
	"debut/datasets/wording"
)

// Decryption says what opens encrypted data.
type Decryption struct {
	Identity   *configfile.Secret `yaml:"identity,omitempty" jsonschema:"description=Where a secret key of age is (AGE-SECRET-KEY-1…)."`
	Passphrase *configfile.Secret `yaml:"passphrase,omitempty" jsonschema:"description=Where a passphrase is."`
}

// Read returns what opens the files. path is the place of d in the
// configuration, for errors, which are *configfile.FieldError and tell no secret; warnings go to log, which may be nil.
func (d *Decryption) Read(baseDir, path string, log *slog.Logger) ([]age.Identity, error) {
	var keys, passphrase string
	var err error
	if d.Identity != nil {
		if keys, err = d.Identity.Read(baseDir, path+".identity", log); err != nil {
			return nil, err
		}
	}
	if d.Passphrase != nil {
		if passphrase, err = d.Passphrase.Read(baseDir, path+".passphrase", log); err != nil {
			return nil, err
		}
	}
	with, err := Identities(keys, passphrase)
	if err != nil {
		return nil, configfile.Errorf(path, "%v", err)
	}
	return with, nil
}

// Encryption names those who can read what is written.
type Encryption struct {
	Recipients     configfile.Strings `yaml:"recipients,omitempty" jsonschema:"description=Public keys of age (age1…)."`
	RecipientsFile string             `yaml:"recipients_file,omitempty" jsonschema:"description=A file of public keys; one a line."`
	Passphrase     *configfile.Secret `yaml:"passphrase,omitempty" jsonschema:"description=Where a passphrase is; instead of recipients."`
}

// maxRecipientsBytes is how large a file of public keys may be: ten thousand of them.
const maxRecipientsBytes = 1 << 20

// Read returns the keys to encrypt for. path is the place of e in the
// configuration, for errors, which are *configfile.FieldError and tell no secret; warnings go to log, which may be nil.
func (e *Encryption) Read(baseDir, path string, log *slog.Logger) ([]age.Recipient, error) {
	file, text := "", []byte(nil)
	if e.RecipientsFile != "" {
		var err error
		if file, err = configfile.ExpandPath(e.RecipientsFile, baseDir); err == nil {
			text, err = configfile.ReadSmall(file, maxRecipientsBytes)
		}
		if err != nil {
			return nil, configfile.Errorf(path+".recipients_file", "%v", err)
		}
	}
	if (len(e.Recipients) > 0 || file != "") == (e.Passphrase != nil) {
		return nil, configfile.Errorf(path, "name either recipients or a passphrase")
	}
	if e.Passphrase != nil {
		text, err := e.Passphrase.Read(baseDir, path+".passphrase", log)
		if err != nil {
			return nil, err
		}
		r, err := Passphrase(text)
		if err != nil {
			return nil, configfile.Errorf(path+".passphrase", "%v", err)
		}
		return []age.Recipient{r}, nil
	}
	var to []age.Recipient
	for i, key := range e.Recipients {
		more, err := Recipients(key)
		if err != nil {
			return nil, configfile.Errorf(path+".recipients."+strconv.Itoa(i), "%v", err)
		}
		to = append(to, more...)
	}
	more, err := Recipients(string(text))
	var bad *KeyError
	if errors.As(err, &bad) {
		return nil, configfile.Errorf(path+".recipients_file", "%s:%d: %v", wording.FileName(file), bad.Line, err)
	}
	if to = append(to, more...); err != nil {
		return nil, err
	}
	if len(to) == 0 {
		return nil, configfile.Errorf(path+".recipients_file", "holds no key; each line is a public key of age, age1…")
	}
	return to, nil
}

package prepare

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"debut/datasets/sealed"
)

// openRecipients finds out who can read the output, before any work is done.
func (p *pipeline) openRecipients() error {
	if p.cfg.Encrypt == nil {
		return nil
	}
	var err error
	p.readers, err = p.cfg.Encrypt.Read(p.baseDir, "encrypt", p.log)
	return err
}

// seal encrypts what holds rows or values of rows: the parts and the rejects.
// Vocabularies are values too, so that they are left out of the description.
func (p *pipeline) seal() error {
	if p.readers == nil {
		return nil
	}
	dir := p.dir
	for i := range p.made.Parts {
		part := &p.made.Parts[i]
		if err := encrypt(filepath.Join(dir, part.File), p.readers); err != nil {
			return err
		}
		part.File += sealed.Extension
	}
	if p.made.Rejects != "" {
		if err := encrypt(filepath.Join(dir, p.made.Rejects), p.readers); err != nil {
			return err
		}
		p.made.Rejects += sealed.Extension
	}
	for i := range p.made.Columns {
		c := &p.made.Columns[i]
		c.Vocabulary, c.VocabularyFile = nil, ""
		c.Min, c.Max, c.Quantiles, c.First, c.Last = nil, nil, nil, "", ""
	}
	p.made.Encrypted = true
	return os.RemoveAll(filepath.Join(dir, vocabularyDir))
}

// encrypt replaces a file by its encrypted form, under a name of its own.
func encrypt(path string, to []age.Recipient) (err error) {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close(), os.Remove(path)) }()
	out, err := os.OpenFile(path+sealed.Extension, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w, err := sealed.Encrypt(out, to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, in); err != nil {
		return fmt.Errorf("encrypt %s: %w", filepath.Base(path), err)
	}
	return w.Close()
}

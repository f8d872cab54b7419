package prepare

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"debut/datasets/scratch"
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

// openClear makes the temporary files that hold the content of the output until it is encrypted.
func (p *pipeline) openClear() error {
	if p.readers == nil {
		return nil
	}
	names := []string{p.cfg.Rejects.File}
	for _, part := range partNames {
		names = append(names, partFile(part))
	}
	for _, name := range names {
		f, err := scratch.NewFile(p.temp)
		if err != nil {
			return err
		}
		p.clear[name] = f
	}
	return nil
}

// seal encrypts what holds rows or values of rows: the parts and the rejects.
// Values are left out of the description.
func (p *pipeline) seal() error {
	if p.readers == nil {
		return nil
	}
	for i := range p.made.Parts {
		part := &p.made.Parts[i]
		if err := p.encrypt(part.File); err != nil {
			return err
		}
		part.File += sealed.Extension
	}
	if p.made.Rejects != "" {
		if err := p.encrypt(p.made.Rejects); err != nil {
			return err
		}
		p.made.Rejects += sealed.Extension
	}
	for i := range p.made.Columns {
		c := &p.made.Columns[i]
		c.Vocabulary = nil
		c.Min, c.Max, c.Quantiles, c.First, c.Last = nil, nil, nil, "", ""
	}
	p.made.Encrypted = true
	return nil
}

// encrypt writes the encrypted form of a file of the output, whose content is gone then.
func (p *pipeline) encrypt(name string) (err error) {
	in := p.clear[name]
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("encrypt %s: %w", name, err)
	}
	out, err := os.OpenFile(filepath.Join(p.dir, name+sealed.Extension), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w, err := sealed.Encrypt(out, p.readers)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, in); err != nil {
		return fmt.Errorf("encrypt %s: %w", name, err)
	}
	return errors.Join(w.Close(), in.Close())
}

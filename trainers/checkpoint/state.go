package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

const (
	format  = "debut checkpoint"
	version = 1
	// maxState bounds a state file; the large things are in the tensors.
	maxState = 64 << 20
)

// state is what a state file says. The file is this as compact JSON with a last field put in, the SHA-256 of the JSON
// without it, and a line end. Later versions may change everything but this frame and the fields format and version, so
// that each version can tell a damaged file from a newer one.
type state struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	Step    int64           `json:"step"`
	Best    *int64          `json:"best"`
	Tensors tensors         `json:"tensors"`
	State   json.RawMessage `json:"state"`
}

// tensors is what the tensors file must be.
type tensors struct {
	File        string         `json:"file"`
	Bytes       int64          `json:"bytes"`
	HeaderBytes int64          `json:"header_bytes"`
	HeaderSum   sum            `json:"header_sha256"`
	Sums        map[string]sum `json:"sha256"` // by the tensor's name
}

// sum is a SHA-256 in hexadecimal.
type sum string

const (
	sealStart = `,"sha256":"`
	sealEnd   = "\"}\n"
	sealBytes = len(sealStart) + 2*sha256.Size + len(sealEnd)
)

// seal puts the checksum into a JSON object that has at least one field.
func seal(content []byte) []byte {
	h := sha256.Sum256(content)
	out := make([]byte, 0, len(content)+sealBytes)
	out = append(out, content[:len(content)-1]...)
	out = append(out, sealStart...)
	out = hex.AppendEncode(out, h[:])
	return append(out, sealEnd...)
}

// unseal is the inverse of seal; ok is false where the file is not what seal made.
func unseal(file []byte) (content []byte, ok bool) {
	if len(file) < sealBytes+1 {
		return nil, false
	}
	content = append(bytes.Clone(file[:len(file)-sealBytes]), '}')
	return content, bytes.Equal(seal(content), file)
}

func (s *state) encode() ([]byte, error) {
	content, err := json.Marshal(s) // makes the caller's state compact, too
	if err != nil {
		return nil, fmt.Errorf("the state is not JSON: %w", err)
	}
	if !utf8.Valid(content) {
		return nil, fmt.Errorf("the state is not UTF-8")
	}
	if n := len(content) - 1 + sealBytes; n > maxState {
		return nil, fmt.Errorf("a state of %d bytes, at most %d are allowed: put arrays into tensors", n, maxState)
	}
	return seal(content), nil
}

// decode is total: it accepts exactly what encode makes of some state.
func decode(file []byte, c id) (*state, error) {
	content, ok := unseal(file)
	if !ok {
		return nil, fmt.Errorf("its content has changed since it was written: %w", ErrDamaged)
	}
	var head struct {
		Format  string `json:"format"`
		Version int64  `json:"version"`
	}
	if err := json.Unmarshal(content, &head); err != nil || head.Format != format || head.Version < 1 {
		return nil, fmt.Errorf("it is not the state file of a checkpoint: %w", ErrDamaged)
	}
	if head.Version > version {
		return nil, fmt.Errorf("written by a newer debut: version %d, this program reads %d; use the newer program: %w", head.Version, version, ErrNewer)
	}
	var s state
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("its content does not fit its version: %w: %w", err, ErrDamaged)
	}
	if again, err := s.encode(); err != nil || !bytes.Equal(again, file) {
		return nil, fmt.Errorf("its content is not spelled as it is written: %w", ErrDamaged)
	}
	if s.Step != c.step || s.Tensors.File != c.tensorsName() {
		return nil, fmt.Errorf("it describes step %d with the tensors %q, so it was renamed: %w", s.Step, s.Tensors.File, ErrDamaged)
	}
	if s.Best != nil && (*s.Best < 0 || *s.Best > s.Step) {
		return nil, fmt.Errorf("its best step %d is none before its own: %w", *s.Best, ErrDamaged)
	}
	return &s, nil
}

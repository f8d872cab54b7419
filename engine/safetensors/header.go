package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// parseHeader reads the JSON header strictly: keys occur once, are spelled exactly and none is unknown. The offsets of
// the result count from the start of the data.
//
// The walk over tokens goes no deeper than the format does, and json.Valid, which is not recursive, bounds the nesting
// of what the walk never reaches.
func parseHeader(raw []byte) ([]Info, map[string]string, error) {
	if !utf8.Valid(raw) {
		return nil, nil, fmt.Errorf("safetensors: the header is not UTF-8: %w", ErrFormat)
	}
	if !json.Valid(raw) {
		return nil, nil, fmt.Errorf("safetensors: the header is not JSON: %w", ErrFormat)
	}
	p := parser{json.NewDecoder(bytes.NewReader(raw))}
	p.UseNumber()
	var tensors []Info
	var metadata map[string]string
	err := p.object("the header", func(name string) (err error) {
		if name == metadataKey {
			metadata, err = p.strings()
			return err
		}
		t, err := p.tensor(name)
		tensors = append(tensors, t)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w: %w", err, ErrFormat)
	}
	return tensors, metadata, nil
}

type parser struct{ *json.Decoder }

// object calls value for each key, with the decoder standing before the key's value.
func (p parser) object(what string, value func(key string) error) error {
	if err := p.delim('{', what); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.More() {
		t, err := p.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("%s has a key that is no text", what)
		}
		if seen[key] {
			return fmt.Errorf("%s has the key %q twice", what, key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return p.delim('}', what)
}

func (p parser) delim(want json.Delim, what string) error {
	t, err := p.Token()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if t != want {
		return fmt.Errorf("%s: %q expected", what, want.String())
	}
	return nil
}

func (p parser) text(what string) (string, error) {
	t, err := p.Token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%s is no text", what)
	}
	return s, nil
}

func (p parser) strings() (map[string]string, error) {
	m := map[string]string{}
	err := p.object("the metadata", func(key string) (err error) {
		m[key], err = p.text("metadata " + strconv.Quote(key))
		return err
	})
	return m, err
}

// numbers reads an array of integers from 0 up.
func (p parser) numbers(what string, bits int) ([]int64, error) {
	if err := p.delim('[', what); err != nil {
		return nil, err
	}
	out := []int64{}
	for p.More() {
		t, err := p.Token()
		if err != nil {
			return nil, err
		}
		number, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%s holds something other than numbers", what)
		}
		n, err := strconv.ParseUint(number.String(), 10, bits-1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		out = append(out, int64(n))
	}
	return out, p.delim(']', what)
}

func (p parser) tensor(name string) (Info, error) {
	what := "tensor " + strconv.Quote(name)
	t := Info{Name: name}
	var offsets []int64
	keys := 0
	err := p.object(what, func(key string) error {
		keys++
		switch key {
		case "dtype":
			s, err := p.text(what + ": dtype")
			t.Dtype = Dtype(s)
			return err
		case "shape":
			dims, err := p.numbers(what+": shape", strconv.IntSize)
			t.Shape = make([]int, len(dims))
			for i, d := range dims {
				t.Shape[i] = int(d)
			}
			return err
		case "data_offsets":
			var err error
			offsets, err = p.numbers(what+": data_offsets", 64)
			return err
		}
		return fmt.Errorf("%s has the unknown key %q", what, key)
	})
	if err != nil {
		return t, err
	}
	if keys != 3 || len(offsets) != 2 {
		return t, fmt.Errorf("%s must have a dtype, a shape and two data_offsets", what)
	}
	if t.Bytes, err = size(t.Dtype, t.Shape); err != nil {
		return t, fmt.Errorf("%s: %w", what, err)
	}
	if offsets[1] < offsets[0] || offsets[1]-offsets[0] != t.Bytes {
		return t, fmt.Errorf("%s of type %s and shape %s takes %d bytes, its data_offsets are %v", what, t.Dtype, shapeText(t.Shape), t.Bytes, offsets)
	}
	t.Offset = offsets[0]
	return t, nil
}

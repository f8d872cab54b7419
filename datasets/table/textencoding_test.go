package table

import (
	"strings"
	"testing"
	"unicode/utf16"

	"debut/datasets/configfile"
)

// encoded writes a text in an encoding.
func encoded(text, encoding string) string {
	var b strings.Builder
	switch encoding {
	case "utf-8":
		return text
	case "windows-1252":
		for _, r := range text {
			b.WriteByte(byte(r)) // of Latin-1 letters
		}
	case "utf-16le", "utf-16be":
		for _, unit := range utf16.Encode([]rune(text)) {
			low, high := byte(unit), byte(unit>>8)
			if encoding == "utf-16be" {
				low, high = high, low
			}
			b.WriteByte(low)
			b.WriteByte(high)
		}
	}
	return b.String()
}

// Every encoding declared of every one that a file may have is read right, or refused with what the bytes look like, and
// what is proposed then is right.
func TestWrongEncodings(t *testing.T) {
	const ascii, letters = "v,y\nx,1\nz,2\n", "v,y\nñandú,1\ncafé,2\n"
	long := "v,y\n" + strings.Repeat("plain,0\n", 9000) + "café,1\n"
	read := func(name, text, encoding string) (*Frame, error) {
		return Read(t.Context(), Source{Path: configfile.Strings{name}, Encoding: encoding}, write(t, name, text), nil)
	}
	for _, c := range []struct {
		name, text string
		right      []string // encodings
		looks      string
		set        string // what is proposed where another one is declared
	}{
		{"ASCII", ascii, []string{"", "utf-8", "latin-1", "windows-1252"}, "UTF-8", "utf-8"},
		{"UTF-8", letters, []string{"", "utf-8"}, "UTF-8", "utf-8"},
		{"UTF-8 with a mark", byteOrderMark + letters, []string{"", "utf-8"}, "UTF-8", "utf-8"},
		{"UTF-8 with two marks", byteOrderMark + byteOrderMark + letters, []string{"", "utf-8"}, "UTF-8", "utf-8"},
		{"ASCII with a mark", byteOrderMark + ascii, []string{"", "utf-8"}, "UTF-8", "utf-8"},
		{"UTF-8 with late letters", long, []string{"", "utf-8"}, "UTF-8", "utf-8"},
		{"one byte a character", encoded(letters, "windows-1252"), []string{"latin-1", "windows-1252"}, "", "windows-1252"},
		{"late letters of one byte", encoded(long, "windows-1252"), []string{"latin-1", "windows-1252"}, "", "windows-1252"},
		{"UTF-16", encoded(letters, "utf-16le"), []string{"utf-16"}, "UTF-16", "utf-16"},
		{"UTF-16 with a mark", "\xff\xfe" + encoded(letters, "utf-16le"), []string{"utf-16"}, "UTF-16", "utf-16"},
		{"big endian", encoded(letters, "utf-16be"), []string{"utf-16"}, "UTF-16", "utf-16"},
		{"big endian with a mark", "\xfe\xff" + encoded(letters, "utf-16be"), []string{"utf-16"}, "UTF-16", "utf-16"},
		{"Chinese in UTF-16", encoded("v,y\n\u4e2d\u6587,1\n\u6587\u5b57,2\n", "utf-16le"), []string{"utf-16"}, "UTF-16", "utf-16"},
		{"UTF-32", "\xff\xfe\x00\x00v\x00\x00\x00\n\x00\x00\x00", nil, "UTF-32", ""},
	} {
		for _, encoding := range append([]string{""}, Encodings...) {
			f, err := read("t.csv", c.text, encoding)
			right := false
			for _, e := range c.right {
				right = right || e == encoding
			}
			if right {
				if err != nil {
					t.Errorf("%s read as %q: %v", c.name, encoding, err)
				} else if f.Columns[0].Name != "v" || strings.ContainsAny(formatted(f.Columns[0]), "\ufffdÃ") {
					t.Errorf("%s read as %q: %q %s", c.name, encoding, f.Names(), formatted(f.Columns[0]))
				}
				continue
			}
			wantError(t, err, "t.csv", c.looks)
			if c.set != "" && (encoding != "utf-16" || !strings.HasPrefix(c.name, "late")) { // which looks like ASCII
				wantError(t, err, "set encoding: "+yamlText(c.set))
				if f, err := read("t.csv", c.text, c.set); err != nil || f.Columns[0].Name != "v" {
					t.Errorf("%s read as proposed: %v", c.name, err)
				}
			}
		}
	}
	// Of single bytes those are told that no character is written with.
	_, err := read("t.csv", "v,y\nx,1\nz\x81,1\n", "windows-1252")
	wantError(t, err, "t.csv:3: has bytes that are no characters of windows-1252")
	// Marks without a header.
	f, err := read("t.csv", byteOrderMark+byteOrderMark+"1,2\n3,4\n", "")
	if err != nil || formatted(f.Columns[0]) != "1|3" {
		t.Errorf("two marks before a number: %v", err)
	}
	for _, text := range []string{byteOrderMark + "{\"v\":1}\n", byteOrderMark + byteOrderMark + "{\"v\":1}\n"} {
		if f, err := read("t.jsonl", text, ""); err != nil || formatted(f.Column("v")) != "1" {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err = read("t.jsonl", "\xff\xfe"+encoded("{\"v\":1}\n", "utf-16le"), "")
	wantError(t, err, "t.jsonl: is written in UTF-16", "set encoding")
}

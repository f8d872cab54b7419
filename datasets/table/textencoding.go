package table

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"debut/datasets/wording"
)

// decoders are the encodings of texts that are read beside UTF-8.
var decoders = map[string]encoding.Encoding{
	"utf-16":       unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"latin-1":      charmap.ISO8859_1,
	"windows-1252": charmap.Windows1252,
}

// byteOrderMark is that of UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// looks is how characters seem to be written.
type looks uint8

const (
	looksASCII   looks = iota // as in UTF-8 and in all encodings of one byte a character
	looksUTF8                 // with characters beyond ASCII, or with its mark
	looksUTF16                // little endian, or with its mark
	looksUTF16BE              // big endian without a mark
	looksUTF32
	looksBytes // one byte a character, some of them beyond ASCII
)

// String names the encoding for a message.
func (l looks) String() string {
	switch l {
	case looksUTF16, looksUTF16BE:
		return "UTF-16"
	case looksUTF32:
		return "UTF-32"
	case looksBytes:
		return "an encoding of one byte a character"
	}
	return "UTF-8"
}

// look tells by its first bytes how a text is written that is said to be in an encoding; whole says that there are no
// others.
func look(head []byte, whole bool, encoding string) looks {
	switch text := string(head[:min(len(head), 4)]); {
	case strings.HasPrefix(text, byteOrderMark):
		return looksUTF8
	case text == "\xff\xfe\x00\x00", text == "\x00\x00\xfe\xff":
		return looksUTF32
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		return looksUTF16
	}
	// Texts of one byte a character hardly have zeros; those of two have one in every comma and line end, Western ones
	// in every second byte.
	zeros, few := [2]int{}, len(head)/8
	if encoding == "utf-16" {
		few = 0
	}
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	switch {
	case zeros[1] > few && zeros[1] > 9*zeros[0]:
		return looksUTF16
	case zeros[0] > few && zeros[0] > 9*zeros[1]:
		return looksUTF16BE
	}
	for cut := 0; !whole && cut < utf8.UTFMax-1 && len(head) > 0 && !utf8.Valid(head); cut++ {
		head = head[:len(head)-1] // a character may be cut off
	}
	switch {
	case !utf8.Valid(head):
		return looksBytes
	case bytes.ContainsFunc(head, func(r rune) bool { return r >= utf8.RuneSelf }):
		return looksUTF8
	}
	return looksASCII
}

// misencoded is the error about a file that does not look as its encoding says, nil where it may be.
func misencoded(file, encoding string, l looks) error {
	e := &ValueError{Place: wording.FileName(file), Problem: fmt.Sprintf("is written in %s, not in %s", l, encodingName(encoding))}
	switch l {
	case looksUTF32:
		e.Remedies = []Remedy{ManualRemedy("convert the file, for example with iconv -f utf-32 -t utf-8")}
		return e
	case looksUTF16, looksUTF16BE:
		if encoding == "utf-16" {
			return nil
		}
		e.Remedies = []Remedy{set(SetEncoding, "utf-16")}
		return e
	case looksASCII:
		if encoding != "utf-16" {
			return nil
		}
		e.Remedies = []Remedy{set(SetEncoding, "utf-8")}
	case looksUTF8:
		if encoding == "" || encoding == "utf-8" {
			return nil
		}
		e.Remedies = []Remedy{set(SetEncoding, "utf-8")}
	case looksBytes:
		if encoding != "utf-16" {
			return nil // where it has to be UTF-8, what is none is found with its line
		}
		e.Remedies = []Remedy{set(SetEncoding, "windows-1252").when("if they are Western European letters"), ManualRemedy("convert the file, for example with iconv -f cp1250 -t utf-8")}
	}
	e.Problem = fmt.Sprintf("seems to be written in %s, not in %s", l, encodingName(encoding))
	return e
}

// encodingName names a source's encoding for a message.
func encodingName(encoding string) string {
	switch encoding {
	case "", "utf-8":
		return "UTF-8"
	case "utf-16":
		return "UTF-16"
	}
	return encoding
}

// looking is a reader that knows how all that was read of it is written.
type looking struct {
	io.Reader
	beyond  bool // there were characters beyond ASCII
	invalid bool // there were bytes that are not UTF-8
	rest    []byte
}

// Read reads and looks.
func (l *looking) Read(b []byte) (int, error) {
	n, err := l.Reader.Read(b)
	if l.invalid {
		return n, err
	}
	text := append(l.rest, b[:n]...)
	for len(text) > 0 {
		if text[0] < utf8.RuneSelf {
			text = text[1:]
			continue
		}
		l.beyond = true
		if !utf8.FullRune(text) {
			break
		}
		r, width := utf8.DecodeRune(text)
		if r == utf8.RuneError && width == 1 {
			l.invalid = true
			break
		}
		text = text[width:]
	}
	l.rest = append(l.rest[:0], text...)
	return n, err
}

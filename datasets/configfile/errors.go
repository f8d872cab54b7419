package configfile

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxShown is the number of errors of one file that are spelled out.
const maxShown = 20

// Error is one mistake in a run file or an override.
type Error struct {
	File    string // the file as named by the caller, or "--set key=value" for an override
	Line    int    // 1-based; 0 where the mistake is not in the file's text
	Column  int    // 1-based, in characters
	Field   string // dotted path of the field, "train.batch"; may be empty
	Msg     string // what is wrong and what to do
	Excerpt string // the line before and the line, with a mark under the column
	Cause   error  // the error that was located, nil for those found here
}

// Error returns "file:line:column: message", followed by the excerpt.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	b.WriteString(e.Msg)
	if e.Excerpt != "" {
		b.WriteByte('\n')
		b.WriteString(e.Excerpt)
	}
	return b.String()
}

// FieldPath returns the dotted path of the field.
func (e *Error) FieldPath() string { return e.Field }

// Unwrap returns the error that was located, or nil.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports that every Error is an [ErrConfig].
func (e *Error) Is(target error) bool { return target == ErrConfig }

// errorList is several mistakes, each a line or more of its message.
type errorList []error

// Error lists the messages, one below the other.
func (l errorList) Error() string {
	var b strings.Builder
	for i, err := range l {
		if i == maxShown {
			fmt.Fprintf(&b, "\nand %d more", len(l)-maxShown)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(err.Error())
	}
	return b.String()
}

// Unwrap returns the errors of the list.
func (l errorList) Unwrap() []error { return l }

// prefixed is an error whose field path starts below another section.
type prefixed struct {
	section string
	inner   error
}

// Error is the inner message behind the longer path.
func (p *prefixed) Error() string {
	if fieldPath(p.inner) == "" {
		return p.section + ": " + p.inner.Error()
	}
	// The message of a field error starts with its path; then one dot joins the two.
	if strings.HasPrefix(p.inner.Error(), fieldPath(p.inner)) {
		return p.section + "." + p.inner.Error()
	}
	return p.section + ": " + p.inner.Error()
}

// FieldPath is the whole path of the field.
func (p *prefixed) FieldPath() string {
	if inner := fieldPath(p.inner); inner != "" {
		return p.section + "." + inner
	}
	return p.section
}

// Unwrap returns the inner error.
func (p *prefixed) Unwrap() error { return p.inner }

// Prefix moves the field path of err below section: a section's own Validate knows
// "split.test", the run file calls it "data.split.test". Joined errors are
// prefixed one by one; nil stays nil.
func Prefix(section string, err error) error {
	if err == nil {
		return nil
	}
	if list, ok := parts(err); ok {
		var out errorList
		for _, e := range list {
			out = append(out, Prefix(section, e))
		}
		return out
	}
	return &prefixed{section: section, inner: err}
}

// parts returns the errors of a list, as errors.Join makes it. An error that wraps
// several in one sentence is not a list: taking it apart would lose the sentence.
func parts(err error) ([]error, bool) {
	if list, ok := any(err).(errorList); ok {
		return list, true
	}
	joined, ok := any(err).(interface{ Unwrap() []error })
	if !ok {
		return nil, false
	}
	list := joined.Unwrap()
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = e.Error()
	}
	return list, strings.Join(texts, "\n") == err.Error()
}

// fieldPath returns the field path of the first error in the chain that has one.
func fieldPath(err error) string {
	var withPath interface{ FieldPath() string }
	if errors.As(err, &withPath) {
		return withPath.FieldPath()
	}
	return ""
}

// Locate puts the place in the file before every error in err that names a field
// by a method FieldPath() string, as the errors of
// configurations have it. Where the file does not mention the field, the nearest
// section around it that the file has is shown. Joined errors are located
// one by one; errors without a field path, or located already, are returned as they are.
func (f *File) Locate(err error) error {
	if err == nil {
		return nil
	}
	if list, ok := parts(err); ok {
		var out errorList
		for _, e := range list {
			out = append(out, f.Locate(e))
		}
		return out
	}
	var located *Error
	if errors.As(err, &located) {
		return err
	}
	path := fieldPath(err)
	if path == "" {
		return err
	}
	e := f.errorAt(f.find(splitPath(path)), path, err.Error())
	e.Cause = err
	return e
}

// errorAt makes an Error at a place.
func (f *File) errorAt(at place, field, msg string) *Error {
	e := &Error{File: f.path, Field: field, Msg: msg}
	if at.override != "" {
		e.File = at.override
		return e
	}
	e.Line, e.Column = at.line, at.column
	e.Excerpt = excerpt(f.src, at.line, at.column)
	return e
}

// excerptRunes bounds the width of a shown line.
const excerptRunes = 120

// excerpt shows line (1-based) of src with the line before it and a mark under column, without what may be a secret.
func excerpt(src []byte, line, column int) string {
	if line <= 0 {
		return ""
	}
	lines := strings.SplitN(string(src), "\n", line+1)
	if line > len(lines) {
		return ""
	}
	var b strings.Builder
	show := func(n int, mark string) {
		text := strings.TrimSuffix(maskedLine(lines[:min(line, len(lines))], n-1), "\r")
		text = strings.ToValidUTF8(text, "\uFFFD")
		text = strings.ReplaceAll(text, "\t", " ") // one column each, so that the mark stands right
		if utf8.RuneCountInString(text) > excerptRunes {
			text = string([]rune(text)[:excerptRunes]) + "…"
		}
		fmt.Fprintf(&b, "%s%4d | %s", mark, n, text)
	}
	if line > 1 && strings.TrimSpace(lines[line-2]) != "" {
		show(line-1, "  ")
		b.WriteByte('\n')
	}
	show(line, "> ")
	if column > 0 && column <= excerptRunes {
		fmt.Fprintf(&b, "\n       | %s^", strings.Repeat(" ", column-1))
	}
	return b.String()
}

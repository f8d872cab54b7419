package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf16"
)

// What the program shows comes from data, models and files of others too. Texts pass wording.Visible and JSON visibleJSON on their
// way out; messages pass configfile.Mask before.

// visibleJSON writes characters of JSON that a terminal would act on by their codes, which changes no value: they occur within
// strings alone.
func visibleJSON(text string) string {
	plain := func(r rune) bool { return r == '\n' || r == '\t' || unicode.IsPrint(r) }
	if strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch high, low := utf16.EncodeRune(r); {
		case plain(r):
			b.WriteRune(r)
		case high == unicode.ReplacementChar: // one unit is enough
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}

// jsonWriter passes documents of JSON on as visibleJSON writes them.
type jsonWriter struct{ to io.Writer }

// Write writes a document.
func (j jsonWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(j.to, visibleJSON(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// rewriter passes messages, and what belongs to them, on to a handler as write gives them: masked, or visible.
type rewriter struct {
	slog.Handler
	write func(string) string
}

// Handle passes a record on.
func (h rewriter) Handle(ctx context.Context, r slog.Record) error {
	return h.Handler.Handle(ctx, rewritten(r, h.write))
}

// WithAttrs keeps attributes for later records.
func (h rewriter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return rewriter{h.Handler.WithAttrs(attrsWith(attrs, h.write)), h.write}
}

// WithGroup opens a group for later records.
func (h rewriter) WithGroup(name string) slog.Handler {
	return rewriter{h.Handler.WithGroup(h.write(name)), h.write}
}

// rewritten is a record with its texts as write gives them.
func rewritten(r slog.Record, write func(string) string) slog.Record {
	out := slog.NewRecord(r.Time, r.Level, write(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(attrWith(a, write))
		return true
	})
	return out
}

func attrsWith(attrs []slog.Attr, write func(string) string) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = attrWith(a, write)
	}
	return out
}

func attrWith(a slog.Attr, write func(string) string) slog.Attr {
	a.Key = write(a.Key)
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(write(v.String()))
	case slog.KindGroup:
		a.Value = slog.GroupValue(attrsWith(v.Group(), write)...)
	case slog.KindAny:
		switch x := v.Any().(type) {
		case error:
			a.Value = slog.StringValue(write(x.Error()))
		case []byte:
			a.Value = slog.StringValue(write(string(x)))
		case []string:
			texts := make([]string, len(x))
			for i, text := range x {
				texts[i] = write(text)
			}
			a.Value = slog.AnyValue(texts)
		default:
			if text := fmt.Sprintf("%+v", x); write(text) != text {
				a.Value = slog.StringValue(write(text))
			}
		}
	}
	return a
}

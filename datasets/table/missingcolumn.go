package table

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/nearest"
	"debut/datasets/wording"
)

// MissingColumnError is a column that was asked for and is not in the data.
type MissingColumnError struct {
	Name  string
	Names []string
}

func (e *MissingColumnError) Error() string {
	return fmt.Sprintf("no column %s in the data, which has %s%s%s%s", wording.Quote(e.Name), wording.List(e.Names, wording.MaxListed), delimiterHint(e.Names, RunFile), headerHint(e.Names), nearest.DidYouMean(e.Name, e.Names))
}

// headerHint says what to do about the names that columns without a header are given.
func headerHint(names []string) string {
	if len(names) == 0 || names[0] != "column0" && names[0] != "column00" {
		return ""
	}
	return "; a file without a header takes its names from the run file, source: {header: false, names: [first, second, …]}"
}

// ErrLacking is matched by errors about columns that a model needs and the data lack.
var ErrLacking = errors.New("the data lack columns that the model needs")

// lackingError names them.
type lackingError struct{ text string }

func (e *lackingError) Error() string { return e.text }

func (e *lackingError) Is(target error) bool { return target == ErrLacking }

// CheckDeclared returns the first column of overrides that does not exist.
// Columns declared to be ignored may be absent.
func CheckDeclared(overrides map[string]string, names []string) error {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if name != OtherColumns && overrides[name] != TypeIgnore && !slices.Contains(names, name) {
			return &MissingColumnError{Name: name, Names: names}
		}
	}
	return nil
}

// Lacking says which needed columns the frame, or what it was read from, has not.
func (f *Frame) Lacking(missing, needed []string) error {
	names := f.Available
	if names == nil {
		names = f.Names()
	}
	return lacking(f.origin, missing, needed, names)
}

// lacking says which needed columns are missing among names, and which of the
// others are called nearly the same.
func lacking(from *origin, missing, needed, names []string) error {
	others := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(needed, name) })
	var b strings.Builder
	var renamed, renames []string
	for i, m := range missing {
		if i == wording.MaxListed {
			fmt.Fprintf(&b, " and %d more", len(missing)-wording.MaxListed)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(wording.Quote(m))
		if other, ok := nearest.Of(m, others); ok {
			fmt.Fprintf(&b, " (did you mean %s?)", wording.Quote(other))
			if !slices.Contains(renamed, other) {
				renamed, renames = append(renamed, other), append(renames, duck.Name(other)+" AS "+duck.Name(m))
			}
		}
	}
	place, words := "", RunFile
	if from != nil {
		place, words = from.name()+": ", from.words
	}
	remedy := delimiterHint(names, words)
	if len(renames) > 0 {
		remedy = "; rename columns of another name: " + QuerySetting(words == CommandLine, "SELECT * RENAME ("+strings.Join(renames, ", ")+") FROM data")
	}
	return &lackingError{fmt.Sprintf("%sthe data lack %s, which the model needs; they have %s%s", place, b.String(), wording.List(names, wording.MaxListed), remedy)}
}

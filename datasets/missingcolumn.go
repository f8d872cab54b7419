package datasets

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/nearest"
)

// missingColumnError is a column that was asked for and is not in the data.
type missingColumnError struct {
	name  string
	names []string
}

func (e *missingColumnError) Error() string {
	return fmt.Sprintf("no column %s in the data, which has %s%s%s", quote(e.name), list(e.names, maxListed), delimiterHint(e.names, false), nearest.DidYouMean(e.name, e.names))
}

// missingColumn returns the first column of overrides that does not exist.
// Columns declared to be ignored may be absent.
func missingColumn(overrides map[string]string, names []string) error {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if name != OtherColumns && overrides[name] != TypeIgnore && !slices.Contains(names, name) {
			return &missingColumnError{name: name, names: names}
		}
	}
	return nil
}

// lacking says which needed columns the frame, or what it was read from, has not.
func (f *Frame) lacking(missing, needed []string) error {
	names := f.available
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
		if i == maxListed {
			fmt.Fprintf(&b, " and %d more", len(missing)-maxListed)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quote(m))
		if other, ok := nearest.Of(m, others); ok {
			fmt.Fprintf(&b, " (did you mean %s?)", quote(other))
			if !slices.Contains(renamed, other) {
				renamed, renames = append(renamed, other), append(renames, duck.Name(other)+" AS "+duck.Name(m))
			}
		}
	}
	place, applied := "", false
	if from != nil {
		place, applied = from.name()+": ", from.applied
	}
	remedy := delimiterHint(names, applied)
	if len(renames) > 0 {
		remedy = "; rename columns of another name: " + querySetting(applied, "SELECT * RENAME ("+strings.Join(renames, ", ")+") FROM data")
	}
	return fmt.Errorf("%sthe data lack %s, which the model needs; they have %s%s", place, b.String(), list(names, maxListed), remedy)
}

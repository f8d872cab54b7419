package notation

import "strings"

// Bool reads the usual words for true and false, in upper or lower case.
func Bool(s string) (value, ok bool) {
	switch len(s) {
	case 1:
		switch s[0] {
		case 't', 'T', 'y', 'Y', '1':
			return true, true
		case 'f', 'F', 'n', 'N', '0':
			return false, true
		}
	case 2:
		return false, strings.EqualFold(s, "no")
	case 3:
		ok = strings.EqualFold(s, "yes")
		return ok, ok
	case 4:
		ok = strings.EqualFold(s, "true")
		return ok, ok
	case 5:
		return false, strings.EqualFold(s, "false")
	}
	return false, false
}

// TrueFalse reports whether s is one of the words true and false, in upper or
// lower case: what else Bool reads may mean something else.
func TrueFalse(s string) bool {
	return len(s) == 4 && strings.EqualFold(s, "true") || len(s) == 5 && strings.EqualFold(s, "false")
}

// missing are texts that usually stand for a missing value, in lower case.
var missing = map[string]bool{
	"na": true, "n/a": true, "n.a.": true, "#n/a": true, "<na>": true, "null": true, "(null)": true, "none": true, "(none)": true,
	"nil": true, "nan": true, "nat": true, `\n`: true, "-": true, "--": true, "?": true, "??": true, ".": true,
	"missing": true, "unknown": true, "undefined": true, "not available": true, "not applicable": true,
	"not set": true, "(not set)": true, "(blank)": true,
	"inf": true, "-inf": true, "+inf": true, "infinity": true, "-infinity": true, "+infinity": true,
	"#div/0!": true, "#value!": true, "#ref!": true, "#name?": true, "#num!": true, "#null!": true,
}

// longestMissing is the length of the longest text of missing.
const longestMissing = len("not applicable")

// Missing reports whether s is a text that usually stands for a missing value, in
// upper or lower case. Some of them can be meant, such as none; so they are not to
// be taken out silently.
func Missing(s string) bool {
	if len(s) > longestMissing {
		return false
	}
	var lower [longestMissing]byte
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return missing[string(lower[:len(s)])]
}

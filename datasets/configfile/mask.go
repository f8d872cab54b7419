package configfile

import (
	"regexp"
	"slices"
	"strings"

	"debut/datasets/nearest"
)

// Whoever writes a secret into a configuration writes it in the wrong place: in that of the name of a file, under a key with a slip in
// it, beside an error of the syntax. So what a message shows of the text is masked by what the text looks like, whatever is wrong
// with it, and the values of those keys are shown nowhere.

// secretKeys are keys whose values are secrets, or next to secrets.
var secretKeys = []string{"dsn", "dns", "key", "pw", "identity", "passphrase", "recipients", "encrypt", "decrypt", "password", "passwd", "pwd", "secret", "token", "credentials"}

// keyed finds what may be a key with a value behind it.
var keyed = regexp.MustCompile(`["']?([\pL_][\pL\d_-]*)["']?\s*[:=]`)

// secretForms are secrets by themselves: keys of age, what is before the @ of a URL, passwords of connection strings.
var secretForms = regexp.MustCompile(`(?i)AGE-(SECRET-KEY|PLUGIN)-\S*|\b[a-z][a-z0-9+.-]*://\S*|\b(password|passwd|pwd|sslpassword)\s*=\s*('[^']*'?|\S+)`)

const masked = "…"

// isSecretKey reports a key of secrets, or one that was probably meant to be one.
func isSecretKey(name string) bool {
	name = strings.ToLower(name)
	if slices.Contains(secretKeys, name) || strings.HasPrefix(name, "pass") || strings.HasSuffix(name, "_key") {
		return true
	}
	const long = 8 // what is near to a shorter word may well be another
	return slices.ContainsFunc(secretKeys, func(key string) bool {
		_, near := nearest.Of(name, []string{key})
		return len(key) > 3 && strings.HasSuffix(name, key) || len(key) >= long && near
	})
}

// secretKey returns where the value of the first key of secrets in a line begins, -1 where there is none.
func secretKey(line string) int {
	for _, at := range keyed.FindAllStringSubmatchIndex(line, -1) {
		if isSecretKey(line[at[2]:at[3]]) {
			return at[1]
		}
	}
	return -1
}

// maskLine replaces what may be a secret in a line: all behind the key of one, and whatever has the form of one.
func maskLine(line string) string {
	if at := secretKey(line); at >= 0 && strings.TrimSpace(line[at:]) != "" {
		line = line[:at] + " " + masked
	}
	return secretForms.ReplaceAllString(line, masked)
}

// maskReach is how many lines the value of a key may have.
const maskReach = 64

// maskedLine returns line n, counted from 0, as messages may show it. Lines below the key of a secret that are indented more, and those
// in its brackets or quotes, belong to it.
func maskedLine(lines []string, n int) string {
	var v secretValue
	for i := max(0, n-maskReach); i <= n; i++ {
		line := lines[i]
		switch {
		case v.goesOn(line):
			if i == n && strings.TrimSpace(line) != "" {
				return masked
			}
			v.scan(line)
		default:
			v = secretValue{}
			if at := secretKey(line); at >= 0 {
				v.key, v.indent = true, indent(line)
				v.scan(line[at:])
			}
		}
	}
	return maskLine(lines[n])
}

// secretValue is the value of a key as far as it was read.
type secretValue struct {
	key    bool // there is one
	indent int  // of the key
	depth  int  // of brackets
	quote  byte // that is open
}

// goesOn reports whether a line belongs to the value.
func (v *secretValue) goesOn(line string) bool {
	return v.key && (v.depth > 0 || v.quote != 0 || strings.TrimSpace(line) == "" || indent(line) > v.indent)
}

func (v *secretValue) scan(text string) {
	for _, c := range []byte(text) {
		switch {
		case v.quote != 0:
			if c == v.quote {
				v.quote = 0
			}
		case c == '"' || c == '\'':
			v.quote = c
		case c == '[' || c == '{':
			v.depth++
		case c == ']' || c == '}':
			v.depth = max(0, v.depth-1)
		}
	}
}

// indent is how far the first word of a line is indented, behind the marks of lists.
func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t-")) }

// openForms are secrets in a sentence: keys of age, and passwords of connection strings.
var openForms = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(?i)AGE-(SECRET-KEY|PLUGIN)-[^\s"',;]*`), masked},
	{regexp.MustCompile(`(:/{1,2}[^\s/:@]*:)\S+@`), "${1}" + masked + "@"},
	{regexp.MustCompile(`(?i)\b((?:ssl)?password|passwd|pwd)(\s*=\s*)(?:'[^']*'?|[^\s"'&]+)`), "${1}${2}" + masked},
}

// Mask replaces secrets in a text that is to be shown, wherever they come from, as far as their form gives them away: secret keys of
// age, and passwords of connection strings.
func Mask(text string) string {
	for _, f := range openForms {
		text = f.form.ReplaceAllString(text, f.as)
	}
	return text
}

// maskOverride is what messages show of "key.path=value".
func maskOverride(text string) string {
	path, _, ok := cutPath(text)
	if !ok { // a slip: another sign in the place of that of equality
		path = text[:strings.IndexAny(text+" ", " \t:=")]
	}
	if slices.ContainsFunc(splitPath(path), isSecretKey) {
		return path + "=" + masked
	}
	return maskLine(text)
}

// maskValue is what messages show of the value at a path. Columns may be called a key, and recipients are public.
func maskValue(path, value string) string {
	name := path[strings.LastIndexByte(path, '.')+1:]
	if value != "" && name != "key" && name != "recipients" && isSecretKey(name) {
		return masked
	}
	return secretForms.ReplaceAllString(value, masked)
}

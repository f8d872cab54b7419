package configfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ExpandPath replaces ${VAR} and ${VAR:-default} by environment variables and
// resolves a relative result against baseDir. A variable that is not set and
// has no default is an error, as is an unfinished ${. A $ that is not followed
// by { stands for itself.
func ExpandPath(path, baseDir string) (string, error) {
	return expandPath(path, baseDir, os.LookupEnv)
}

func expandPath(path, baseDir string, lookup func(string) (string, bool)) (string, error) {
	var b strings.Builder
	rest := path
	for {
		before, after, found := strings.Cut(rest, "${")
		b.WriteString(before)
		if !found {
			break
		}
		expr, tail, closed := strings.Cut(after, "}")
		if !closed {
			return "", fmt.Errorf("path %q: %q has no closing brace", path, "${"+after)
		}
		name, fallback, hasFallback := strings.Cut(expr, ":-")
		if !isVariableName(name) {
			return "", fmt.Errorf("path %q: %q is not a variable name; write ${NAME} or ${NAME:-default}", path, name)
		}
		// As in the shell, :- also replaces a variable that is set but empty.
		value, ok := lookup(name)
		switch {
		case ok && value != "":
		case hasFallback:
			value = fallback
		case !ok:
			return "", fmt.Errorf("path %q: environment variable %s is not set; set it or write ${%s:-default}", path, name, name)
		}
		b.WriteString(value)
		rest = tail
	}
	expanded := b.String()
	if expanded == "" {
		return "", fmt.Errorf("path %q is empty", path)
	}
	if strings.ContainsRune(expanded, 0) {
		return "", fmt.Errorf("path %q contains a zero byte", path)
	}
	if !filepath.IsAbs(expanded) {
		expanded = filepath.Join(baseDir, expanded)
	}
	return expanded, nil
}

func isVariableName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

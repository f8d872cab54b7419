package configfile

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Secret says where a secret is; the secret itself never stands in a
// configuration.
type Secret struct {
	File string `yaml:"file,omitempty" jsonschema:"description=A file that holds it."`
	Env  string `yaml:"env,omitempty" jsonschema:"description=An environment variable that holds it."`
}

// Read returns the secret, without line ends behind it. path is its place in
// the configuration, for errors, which are *FieldError and never tell it.
func (s *Secret) Read(baseDir, path string) (string, error) {
	if (s.File == "") == (s.Env == "") {
		return "", Errorf(path, "name either a file or an environment variable (env) that holds the secret")
	}
	if s.Env != "" {
		text := strings.TrimRight(os.Getenv(s.Env), "\r\n")
		if text == "" {
			return "", Errorf(path+".env", "environment variable %s is not set", s.Env)
		}
		return text, nil
	}
	file, err := ExpandPath(s.File, baseDir)
	if err != nil {
		return "", Errorf(path+".file", "%v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", Errorf(path+".file", "%v", err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", Errorf(path+".file", "%s is empty", strconv.Quote(filepath.Base(file)))
	}
	return secret, nil
}

package configfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"debut/datasets/wording"
)

// Secret says where a secret is; the secret itself never stands in a
// configuration. Who writes it there all the same does not find it in messages: they tell neither the value of a Secret nor
// what its fields hold.
type Secret struct {
	File string `yaml:"file,omitempty" jsonschema:"description=A file that holds it."`
	Env  string `yaml:"env,omitempty" jsonschema:"description=An environment variable that holds it."`
}

// variable is what names of environment variables look like and passwords do not: words in capitals.
var variable = regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*[0-9]?$`)

var secretType = reflect.TypeFor[Secret]()

// maxSecretBytes is how large a file of a secret may be.
const maxSecretBytes = 64 << 10

// secretPatience is how long a pipe may keep a reader of a secret waiting.
var secretPatience = 10 * time.Second

// Read returns the secret, without line ends behind it. path is its place in
// the configuration, for errors, which are *FieldError and never tell it. A file that others can read is a warning to log, which may
// be nil.
func (s *Secret) Read(baseDir, path string, log *slog.Logger) (string, error) {
	if (s.File == "") == (s.Env == "") {
		return "", Errorf(path, "name either a file or an environment variable (env) that holds the secret")
	}
	if s.Env != "" {
		text := strings.TrimRight(os.Getenv(s.Env), "\r\n")
		if text == "" {
			if variable.MatchString(s.Env) {
				return "", Errorf(path+".env", "environment variable %s is not set; it is to hold the secret", s.Env)
			}
			return "", Errorf(path+".env", "the environment variable of this name is not set; give the name of one that holds the secret, not the secret")
		}
		return text, nil
	}
	file, err := ExpandPath(s.File, baseDir)
	if err != nil { // the message would quote it
		return "", Errorf(path+".file", "this is not the path of a file: a ${VARIABLE} in it is not set, or has no closing brace")
	}
	text, mode, err := readSmall(file, maxSecretBytes)
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		err = pathError.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.ENOTDIR):
		return "", Errorf(path+".file", "there is no file of this name; give the path of one that holds the secret, not the secret")
	case err != nil:
		return "", Errorf(path+".file", "%s: %v", wording.FileName(file), err)
	}
	if log != nil && mode.IsRegular() && mode.Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		log.Warn("others on this machine can read or change the file of a secret; chmod 600 makes it yours alone", "key", strings.Trim(path, "."), "file", filepath.Base(file), "mode", mode.Perm().String())
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", Errorf(path+".file", "%s is empty", wording.FileName(file))
	}
	return secret, nil
}

// ReadSmall reads a whole file of at most limit bytes, which may be a pipe.
func ReadSmall(path string, limit int) ([]byte, error) {
	text, _, err := readSmall(path, limit)
	return text, err
}

// readSmall reads a small file, without waiting for somebody to open the other end of a pipe.
func readSmall(path string, limit int) (text []byte, mode fs.FileMode, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if info.Mode()&fs.ModeNamedPipe != 0 {
		_ = f.SetReadDeadline(time.Now().Add(secretPatience)) // where the system has none a pipe is waited for
	}
	text, err = io.ReadAll(io.LimitReader(f, int64(limit)+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, 0, fmt.Errorf("nothing was written to the pipe for %v", secretPatience)
	case err != nil:
		return nil, 0, err
	case len(text) > limit:
		return nil, 0, fmt.Errorf("it has more than %d bytes; is it the right file?", limit)
	}
	return text, info.Mode(), nil
}

package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"debut/trainers/runfolder"
)

// ErrFolder is matched by the error of [ArgumentOf] for a folder where a run file is needed.
var ErrFolder = errors.New("a folder where a run file is needed")

// Argument is what an argument stands for that names a run file, or the folder of a run.
type Argument struct {
	File      string   // the run file to read
	Config    string   // the file whose folder relative paths start from
	Overrides []string // that come before those of the command line
}

// BaseDir is the folder that relative paths start from in the configuration that was read from the file. The folder of a run may
// have been moved together with its data, so what its run.yaml says goes before the place that the run was started with.
func (a Argument) BaseDir(c Config) (string, error) {
	to := c.Base().RelativeTo
	switch {
	case to == "":
		return filepath.Dir(a.Config), nil
	case filepath.IsAbs(to):
		return to, nil
	}
	// A link to the file, or to a folder above it, leads to another place than its target when it is followed by "..".
	file, err := filepath.EvalSymlinks(a.File)
	if err != nil {
		return "", fmt.Errorf("relative_to: %w", err)
	}
	return filepath.Join(filepath.Dir(file), to), nil
}

// relativeTo is what relative_to is in a file in the folder dir, for paths that start from base: relative where dir lies below it, so that
// both can be moved together, and else absolute.
func relativeTo(base, dir string) (string, error) {
	var resolved [2]string
	for i, path := range []string{base, dir} {
		path, err := filepath.Abs(path)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			return "", fmt.Errorf("relative_to: %w", err)
		}
		resolved[i] = path
	}
	if up, err := filepath.Rel(resolved[1], resolved[0]); err == nil && strings.Trim(up, `./\`) == "" {
		return up, nil
	}
	return resolved[0], nil
}

// IsFolder says that the argument was the folder of a run.
func (a Argument) IsFolder() bool { return len(a.Overrides) > 0 }

// ArgumentOf resolves a path: a run file, or, for a run to go on with, its folder.
func ArgumentOf(path string, from ResumeFrom) (Argument, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return Argument{File: path, Config: path}, nil // the run file's reader has an error for what is missing
	}
	if from == ResumeNot {
		return Argument{}, fmt.Errorf("%s is %w", path, ErrFolder)
	}
	folder, err := runfolder.Open(path)
	if err != nil {
		return Argument{}, err
	}
	result, err := folder.Result()
	if err != nil {
		return Argument{}, err
	}
	config := result.Config
	if !filepath.IsAbs(config) {
		config = filepath.Join(result.Directory, config)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return Argument{}, fmt.Errorf("%s: %w", path, err)
	}
	parent := filepath.Dir(filepath.Clean(path))
	if base := filepath.Base(filepath.Clean(path)); base == "." || base == ".." {
		parent = filepath.Dir(absolute)
	}
	return Argument{
		File:   folder.Join(runfolder.ConfigFile),
		Config: config,
		// The folder may have been moved or renamed since.
		Overrides: []string{"output=" + strconv.Quote(parent), "name=" + strconv.Quote(filepath.Base(absolute))},
	}, nil
}

// CheckOutput returns an error where run folders cannot be made in a folder: better before the data are loaded than after.
func CheckOutput(dir string) error {
	// What is missing is made, below the nearest folder that there is.
	at := filepath.Clean(dir)
	info, err := os.Stat(at)
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(at) != at {
		at = filepath.Dir(at)
		info, err = os.Stat(at)
	}
	const remedy = `; choose another folder with --output or "output:"`
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("output %s: a file is where a folder should be%s", dir, remedy)
	case err != nil:
		return fmt.Errorf("output %s: %w%s", dir, err, remedy)
	case !info.IsDir():
		return fmt.Errorf("output %s: %s is a file, not a folder%s", dir, at, remedy)
	}
	// One name for all, so that the next training clears away what a killed one has left. What is there is not written to: it
	// may be a link.
	probe := filepath.Join(at, ".debut-probe")
	file, err := os.OpenFile(probe, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("output %s: nothing can be written to %s%s: %w", dir, at, remedy, err)
	}
	err = os.Remove(probe)
	if errors.Is(err, fs.ErrNotExist) { // another process that looked at the same moment was faster
		err = nil
	}
	if err != nil {
		return fmt.Errorf("output %s: nothing can be written to %s%s: %w", dir, at, remedy, err)
	}
	return nil
}

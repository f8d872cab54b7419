package table

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/nearest"
)

// resolveFiles expands variables and globs to existing files: those of a glob
// sorted, otherwise in the order given.
func resolveFiles(paths []string, baseDir string) (Files, error) {
	var files Files
	for _, p := range paths {
		path, err := configfile.ExpandPath(p, baseDir)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		switch {
		case err == nil && info.IsDir():
			return nil, fmt.Errorf("%s is a folder; name its files, for example %s", p, filepath.Join(p, example(path)))
		case err == nil && !info.Mode().IsRegular():
			return nil, notRegular(p)
		case err == nil:
			if files, err = addFile(files, path, info); err != nil {
				return nil, err
			}
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("read %s: %w", p, err)
		}
		if !strings.ContainsAny(path, "*?[") {
			return nil, missingFile(path)
		}
		matches, err := filepath.Glob(path)
		if err != nil {
			return nil, fmt.Errorf("glob %q: %w", p, err)
		}
		matches = slices.DeleteFunc(matches, func(m string) bool {
			info, err := os.Stat(m)
			return err != nil || info.IsDir()
		})
		if len(matches) == 0 {
			return nil, fmt.Errorf("glob %q matches no file%s: %w", path, folderHint(path), fs.ErrNotExist)
		}
		slices.Sort(matches)
		for _, m := range matches {
			info, err := os.Stat(m)
			switch {
			case err != nil:
				return nil, fmt.Errorf("read %s: %w", m, err)
			case !info.Mode().IsRegular():
				return nil, notRegular(m)
			}
			if files, err = addFile(files, m, info); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// example is a pattern for files in a folder: Parquet where there are such, as in a folder of prepared data, else CSV.
func example(dir string) string {
	entries, err := os.ReadDir(dir)
	if err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return filepath.Ext(e.Name()) == ".parquet" }) {
		return "*.parquet"
	}
	return "*.csv"
}

// notRegular refuses a pipe, a socket or a device. Files are read more than
// once, to find out their dialect, to parse them and to place errors, and such
// a thing gives its bytes only once.
func notRegular(path string) error {
	return fmt.Errorf("%s is a pipe or a device, not a regular file, and files are read more than once; write the data to a file first, or give predict and evaluate - for standard input", path)
}

// addFile appends a file that is not in the list yet.
func addFile(files Files, path string, found fs.FileInfo) (Files, error) {
	path = filepath.Clean(path)
	if files.Contains(path) {
		return nil, fmt.Errorf("file %s is given twice; its rows would count twice: name it once", path)
	}
	return append(files, File{path, found}), nil
}

// missingFile explains where a path ends to exist. It wraps fs.ErrNotExist.
func missingFile(path string) error {
	return fmt.Errorf("no file %s%s: %w", path, folderHint(path), fs.ErrNotExist)
}

// folderHint names the first missing folder of a path, or the file of its
// folder with the most similar name.
func folderHint(path string) string {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); err != nil {
		for {
			parent := filepath.Dir(dir)
			if parent == dir {
				return ""
			}
			if _, err := os.Stat(parent); err == nil {
				return fmt.Sprintf(" (there is no folder %s)", dir)
			}
			dir = parent
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if n, ok := nearest.Of(filepath.Base(path), names); ok {
		return fmt.Sprintf(" (did you mean %s?)", filepath.Join(dir, n))
	}
	return ""
}

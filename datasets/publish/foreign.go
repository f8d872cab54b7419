package publish

import (
	"os"
	"path/filepath"
)

// Foreign lists what is in a folder, at any depth, that owns does not name: what a program that replaces the folder has not
// written and may not remove. owns is asked for the path below the folder of everything that is no folder, with slashes, and for
// that of each empty folder, which ends in one. Links are not followed, and a missing folder is empty.
func Foreign(dir string, owns func(name string) bool) (names []string, err error) {
	var look func(path, below string) error
	look = func(path, below string) error {
		entries, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		if len(entries) == 0 && below != "" && !owns(below) {
			names = append(names, below)
		}
		for _, e := range entries {
			switch name := below + e.Name(); {
			case e.IsDir():
				err = look(filepath.Join(path, e.Name()), name+"/")
			case !owns(name):
				names = append(names, name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := look(dir, ""); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return names, nil
}

// Inside reports whether a file lies in a folder, at any depth, whatever links lead to either; false where one of them is missing.
func Inside(file, dir string) bool {
	folder, err := os.Stat(dir)
	if err != nil {
		return false
	}
	path, err := filepath.EvalSymlinks(file)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return false
	}
	for {
		parent := filepath.Dir(path)
		if info, err := os.Stat(parent); err == nil && os.SameFile(info, folder) {
			return true
		}
		if parent == path {
			return false
		}
		path = parent
	}
}

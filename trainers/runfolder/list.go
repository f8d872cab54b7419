package runfolder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"debut/datasets/filelock"
	"debut/trainers/metrics"
)

// Killed is the status of a run whose run.json says that it is under way, and whose process is gone.
const Killed Status = "killed"

// maxListed bounds a file that is read for a list: a run's own are far smaller.
const maxListed = 64 << 20

// Entry is a run in a list.
type Entry struct {
	Path   string     // of the folder
	Result *RunResult // nil where there is a problem
	Config []byte     // run.yaml; nil where it is not there, or not readable
	// Problem says why what the folder holds cannot be read, "" where it can.
	Problem string
}

// List reads the runs in the folders of a folder, or that of the folder itself where it is a run's, in the order of their names. Those
// that are no runs are counted, and left alone; hidden ones are not looked at. A run that cannot be read is an entry with a
// problem. The error is about the folder itself.
func List(root string) (runs []Entry, foreign int, err error) {
	if e, is := entry(root); is {
		return []Entry{e}, 0, nil
	}
	list, err := os.ReadDir(root)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, 0, fmt.Errorf("runfolder: %w%s", err, sibling(root))
		}
		return nil, 0, fmt.Errorf("runfolder: %w", err)
	}
	for _, e := range list {
		path := filepath.Join(root, e.Name())
		if info, err := os.Stat(path); strings.HasPrefix(e.Name(), ".") || err != nil || !info.IsDir() {
			continue
		}
		if run, is := entry(path); is {
			runs = append(runs, run)
		} else {
			foreign++
		}
	}
	return runs, foreign, nil
}

// entry reads a run's folder; false where it is none.
func entry(path string) (Entry, bool) {
	e := Entry{Path: path}
	text, err := readListed(filepath.Join(path, ResultFile))
	if errors.Is(err, fs.ErrNotExist) {
		return e, false
	}
	if err != nil {
		e.Problem = err.Error()
		return e, true
	}
	var probe struct {
		Status Status `json:"status"`
	}
	r := new(RunResult)
	err = json.Unmarshal(text, &probe)
	var other *json.UnmarshalTypeError
	if errors.As(err, &other) || err == nil && !slices.Contains([]Status{Running, Finished, Interrupted, Failed}, probe.Status) {
		return e, false // somebody else's
	}
	if err == nil {
		err = json.Unmarshal(text, r)
	}
	if err != nil {
		e.Problem = fmt.Sprintf("%s: %v", ResultFile, err)
		return e, true
	}
	for part, m := range r.Metrics {
		if m == nil {
			delete(r.Metrics, part)
		}
	}
	if r.Status == Running && !underWay(path) {
		r.Status = Killed
	}
	e.Result = r
	if e.Config, err = readListed(filepath.Join(path, ConfigFile)); err != nil {
		e.Config = nil
	}
	return e, true
}

// readListed reads a regular file of bounded size: a pipe would never end.
func readListed(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", filepath.Base(path))
	case info.Size() > maxListed:
		return nil, fmt.Errorf("%s has %d bytes, more than any run writes", filepath.Base(path), info.Size())
	}
	return os.ReadFile(path)
}

// underWay says whether a process holds the lock of a run's folder. Where that cannot be told, it is believed.
func underWay(path string) bool {
	held, err := held(path)
	return err != nil || held
}

// held says whether a process holds the lock of a run's folder.
func held(path string) (bool, error) {
	file, err := os.OpenFile(filepath.Join(path, LockFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	free, err := filelock.Try(file)
	return !free, err
}

// Metric returns a metric of a run by its name, or behind that of a part and a dot: "test.auc". Without a part it is that of the
// test rows, else of validation, else of training. False where the run has none.
func (e *Entry) Metric(name string) (value float64, ok bool) {
	if e.Result == nil {
		return 0, false
	}
	if part, metric, dot := strings.Cut(name, "."); dot {
		return get(e.Result.Metrics[part], metric)
	}
	for _, part := range []string{"test", "validation", "train"} {
		if m := e.Result.Metrics[part]; m != nil {
			return get(m, name)
		}
	}
	return 0, false
}

func get(m *metrics.Result, name string) (float64, bool) {
	if m == nil {
		return 0, false
	}
	return m.Values.Get(name)
}

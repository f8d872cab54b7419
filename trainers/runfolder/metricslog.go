package runfolder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"debut/trainers/metrics"
)

// Evaluation is one line of metrics.jsonl: an evaluation or, in a training that evaluates nothing, the loss of an epoch.
type Evaluation struct {
	Epoch   int            `json:"epoch"`   // from 1
	Step    int64          `json:"step"`    // optimizer steps done
	Rows    int64          `json:"rows"`    // rows trained on in all
	Seconds Float          `json:"seconds"` // since the training began
	Part    string         `json:"part"`    // train, validation, test
	Loss    Float          `json:"loss"`
	Metrics metrics.Values `json:"metrics"`
	Best    bool           `json:"best,omitempty"` // the best so far by the metric of early stopping
}

// MetricsLog appends to metrics.jsonl. It is not safe for concurrent use.
type MetricsLog struct {
	f *os.File
}

// Metrics opens metrics.jsonl for appending; the caller closes it. A line that a killed
// program left unfinished is cut off.
func (f *Folder) Metrics() (*MetricsLog, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	path := f.Join(MetricsFile)
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() { // a link would have it made elsewhere
		return nil, fmt.Errorf("runfolder: %s is no regular file; move it away", path)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("runfolder: %w", err)
	}
	if err := cutTornLine(file); err != nil {
		return nil, fmt.Errorf("runfolder: %s: %w", file.Name(), errors.Join(err, file.Close()))
	}
	return &MetricsLog{f: file}, nil
}

// Size returns the length of the file in bytes.
func (l *MetricsLog) Size() (int64, error) {
	n, err := l.f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, fmt.Errorf("runfolder: %w", err)
	}
	return n, nil
}

// Cut takes back all lines from a size on that the file once had.
func (l *MetricsLog) Cut(size int64) error {
	n, err := l.Size()
	if err != nil || n <= size {
		return err
	}
	if err := l.f.Truncate(size); err != nil {
		return fmt.Errorf("runfolder: %w", err)
	}
	if err := cutTornLine(l.f); err != nil {
		return fmt.Errorf("runfolder: %s: %w", l.f.Name(), err)
	}
	return nil
}

// cutTornLine truncates file after its last newline and leaves the cursor there.
func cutTornLine(file *os.File) error {
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	buf := make([]byte, 4096)
	for end > 0 {
		n := min(int64(len(buf)), end)
		if _, err := file.ReadAt(buf[:n], end-n); err != nil {
			return err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			end = end - n + int64(i) + 1
			break
		}
		end -= n
	}
	if err := file.Truncate(end); err != nil {
		return err
	}
	_, err = file.Seek(end, io.SeekStart)
	return err
}

// Append writes one line, through to the disk.
func (l *MetricsLog) Append(e Evaluation) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("runfolder: %s: %w", MetricsFile, err)
	}
	size, err := l.Size()
	if err != nil {
		return err
	}
	if _, err := l.f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("runfolder: %w", errors.Join(err, l.Cut(size))) // no torn line in the midst
	}
	if err := l.f.Sync(); err != nil {
		return fmt.Errorf("runfolder: %w", err)
	}
	return nil
}

// Close closes the file.
func (l *MetricsLog) Close() error {
	if err := l.f.Close(); err != nil {
		return fmt.Errorf("runfolder: %w", err)
	}
	return nil
}

// Evaluations reads metrics.jsonl; none where there is no such file. An unfinished
// last line is skipped.
func (f *Folder) Evaluations() ([]Evaluation, error) {
	path := f.Join(MetricsFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("runfolder: %w", err)
	}
	var out []Evaluation
	for n := 1; ; n++ {
		line, rest, ok := bytes.Cut(data, []byte("\n"))
		if !ok {
			return out, nil
		}
		data = rest
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var e Evaluation
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("runfolder: %s:%d: %w", path, n, err)
		}
		out = append(out, e)
	}
}

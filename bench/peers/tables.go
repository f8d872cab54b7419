package peers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"
)

// Tables is the work of looking up rows of a table, and of training what was looked up by Adam: batches of Batch·Fields ids each.
type Tables struct {
	Rows, Width   int // of the table
	Batch, Fields int
	Zipf          bool // ids are by Zipf's law, with exponent 1; else uniform
}

// TorchTables has PyTorch do it on a GPU in each of its ways, and hands each to report as soon as it is measured: batch rows a second, or why it
// could not. The folder is for files; the caller removes it.
func TorchTables(ctx context.Context, folder string, w Tables, d time.Duration, report func(way string, rowsPerSecond float64, err error)) error {
	python, err := findTorch(ctx)
	if err != nil {
		return err
	}
	script, err := unpack(folder, "torch_tables_cuda.py")
	if err != nil {
		return err
	}
	distribution := "uniform"
	if w.Zipf {
		distribution = "zipf"
	}
	cmd := exec.CommandContext(ctx, python, script, fmt.Sprint(w.Rows), fmt.Sprint(w.Width), fmt.Sprint(w.Batch), fmt.Sprint(w.Fields),
		fmt.Sprint(d.Seconds()), distribution)
	messages := &tail{}
	cmd.Stderr = messages
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	var missing error
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var a struct {
			Mode  string  `json:"mode"`
			Speed float64 `json:"rows_per_second"`
			answer
		}
		switch err := json.Unmarshal(bytes.TrimSpace(lines.Bytes()), &a); {
		case err != nil:
			report("", 0, fmt.Errorf("peers: %s answers %q: %w", python, lines.Text(), err))
		case a.Absent != "":
			missing = fmt.Errorf("peers: %s: %w", a.Absent, ErrAbsent)
		case a.Error != "":
			report(a.Mode, 0, fmt.Errorf("peers: %s: %s", a.Mode, a.Error))
		default:
			report(a.Mode, a.Speed, nil)
		}
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case missing != nil:
		return missing
	case err != nil:
		return fmt.Errorf("peers: %s ended: %w; its last words: %s", python, err, messages)
	}
	return nil
}

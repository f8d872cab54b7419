package table

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"debut/datasets/duck"
)

// A query that would not end does where that is asked for, with what to do.
func TestTimeoutOfQuery(t *testing.T) {
	path := filepath.Join(write(t, "t.csv", "a,b\n1,2\n3,4\n"), "t.csv")
	src := Source{Path: []string{path}, Query: "SELECT x.range AS a FROM range(1000000000) x, range(1000000000) y, data WHERE x.range * y.range % 7 = 9", Timeout: 300 * time.Millisecond}
	_, err := Read(t.Context(), src, "", nil)
	var late *duck.TimeoutError
	if !errors.As(err, &late) || !strings.Contains(err.Error(), "300ms") || !strings.Contains(err.Error(), "timeout:") || !strings.Contains(err.Error(), "give it more time") {
		t.Errorf("%v", err)
	}
	src.Query, src.Timeout = "SELECT * FROM data", time.Hour
	if f, err := Read(t.Context(), src, "", nil); err != nil || f.Rows != 2 {
		t.Errorf("%v", err)
	}
	src.Query = ""
	if err := src.Validate("source"); err == nil || err.Path != "source.timeout" {
		t.Errorf("a time without a query: %v", err)
	}
	src.Query, src.Timeout = "SELECT * FROM data", -1
	if err := src.Validate("source"); err == nil || err.Path != "source.timeout" {
		t.Errorf("a negative time: %v", err)
	}
}

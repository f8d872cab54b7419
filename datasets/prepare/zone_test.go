package prepare

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
)

const zoned = `
sources:
  t: {path: zoned.csv}
  p: {path: "*.parquet"}
  a_days: {query: "SELECT id, z::DATE AS day, hour(z) AS hour, CAST(z AS VARCHAR) AS text, date_trunc('day', z) AS midnight, dayname(z) AS name FROM t"}
  both: {query: "SELECT d.*, t.z, p.z AS same FROM a_days d JOIN t USING (id) JOIN p USING (id)"}
from: both
steps:
  - derive: {h: hour(z), d: z::DATE, month: "strftime(z, '%B %H')", local: "z AT TIME ZONE 'Europe/Berlin'"}
split: {method: none}
`

// TestZoneChild prepares what its folder holds, in a process of its own: the zone of
// a process is that of its start.
func TestZoneChild(t *testing.T) {
	dir := os.Getenv("DEBUT_ZONED")
	if dir == "" {
		return // TestZones runs it
	}
	mustRun(t, dir, zoned)
	f, err := table.Read(context.Background(), table.Source{Path: configfile.Strings{"zoned.csv"}, Query: "SELECT *, hour(z) AS h FROM data"}, dir, map[string]string{"z": table.TypeCategorical})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString(sums(t, dir))
	for _, c := range f.Columns {
		text.WriteString("\n" + c.Name + " " + c.Format(0) + " " + c.Format(1))
	}
	if err := os.WriteFile(filepath.Join(dir, "said"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestZones(t *testing.T) {
	dir := folder(t, map[string]string{"zoned.csv": "id,z\n1,2024-03-30T23:30:00.020643Z\n2,2024-03-31T01:30:00Z\n3,2024-07-01T00:10:00+05:30\n"})
	copyTo(t, filepath.Join(dir, "z.parquet"), "SELECT * FROM (VALUES (1, TIMESTAMPTZ '2024-03-30 23:30:00+00'), (2, TIMESTAMPTZ '2024-03-31 05:00:00+05:30'), (3, TIMESTAMPTZ '1950-01-01 00:00:00Z')) v(id, z)")
	first := ""
	for _, env := range [][]string{{"TZ=UTC", "LC_ALL=C"}, {"TZ=America/New_York", "LC_ALL=de_DE.UTF-8"}, {"TZ=Asia/Kolkata", "LANG=th_TH.UTF-8"}} {
		child := exec.Command(os.Args[0], "-test.run=^TestZoneChild$")
		child.Env = append(append(os.Environ(), "DEBUT_ZONED="+dir), env...)
		if out, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", env, err, out)
		}
		said, err := os.ReadFile(filepath.Join(dir, "said"))
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(said)
		} else if string(said) != first {
			t.Errorf("%v gives\n%s\nand not\n%s", env, said, first)
		}
	}
	if want := "z 2024-03-30 23:30:00.020643+00 2024-03-31 01:30:00+00\nh 23 1"; !strings.HasSuffix(first, want) {
		t.Errorf("read\n%s\nwant\n%s", first, want)
	}
	wantRows(t, dir, "SELECT day::DATE, hour, text, h, d::DATE, month, local FROM out WHERE id = 3", "2024-06-30 18 2024-06-30 18:40:00+00 18 2024-06-30 June 18 2024-06-30 20:40:00")
}

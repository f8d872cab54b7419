package prepare

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

// prepareLogged prepares data and returns what was said.
func prepareLogged(t *testing.T, dir, text string) (string, error) {
	t.Helper()
	var log strings.Builder
	cfg := parse(t, text)
	cfg.Output = "out"
	_, err := Run(t.Context(), cfg, Options{BaseDir: dir, Overwrite: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
	return log.String(), err
}

// Texts of a CSV file that are dates are read as such; those of a file with types are told.
func TestDatesInTexts(t *testing.T) {
	dir := folder(t, map[string]string{"t.csv": "id,sold on,name\n1,12/1/10 8:26,a-1\n2,12/13/10 18:05,12/1/10 8:26\n3,,c\n"})
	copyTo(t, filepath.Join(dir, "t.parquet"), "SELECT * FROM (VALUES (1, '12/1/10 8:26', 'a-1'), (2, '12/13/10 18:05', '12/1/10 8:26'), (3, NULL, 'c')) v(id, \"sold on\", name)")
	const rest = "}}\nsplit: {method: none}\nshuffle: false\n"
	const step = `{cast: {"sold on": {to: TIMESTAMP, format: "%m/%d/%y %H:%M"}}}`
	read := func() {
		t.Helper()
		wantRows(t, dir, `SELECT "sold on" FROM out WHERE id < 3`, "2010-12-01 08:26:00", "2010-12-13 18:05:00")
	}
	for _, source := range []string{"path: t.csv", `path: t.csv, types: {"sold on": TIMESTAMP}`, `path: t.csv, types: {"sold on": MM/DD/YY hh:mm}`} {
		log, err := prepareLogged(t, dir, "sources: {t: {"+source+rest)
		if err != nil || strings.Contains(log, "WARN") {
			t.Fatalf("%v\n%s", err, log)
		}
		read()
	}
	for _, source := range []string{"path: t.csv", "path: t.parquet", `path: t.csv, types: {"sold on": VARCHAR}`} {
		mustRun(t, dir, "sources: {t: {"+source+rest+"steps: ["+step+"]")
		read()
	}
	log, err := prepareLogged(t, dir, "sources: {t: {path: t.parquet"+rest)
	if want := strings.ReplaceAll(step, `"`, `\"`); err != nil || !strings.Contains(log, want) || strings.Contains(log, "column=name") {
		t.Errorf("%v: the log lacks %s:\n%s", err, want, log)
	}
}

// A format of one's own stands, whatever the values look like, behind another name too.
func TestFormatOfOnesOwn(t *testing.T) {
	dir := folder(t, map[string]string{"t.csv": "id,day,number\n1,2/3/2026,20260302\n2,4/5/2026,20260504\n"})
	mustRun(t, dir, `sources: {t: {path: t.csv}}
split: {method: none}
shuffle: false
steps:
  - rename: {day: d, number: n}
  - rename: {d: when}
  - cast: {when: {to: DATE, format: "%d/%m/%Y"}, n: {to: DATE, format: "%Y%m%d"}}
`)
	wantRows(t, dir, `SELECT "when"::DATE, n::DATE FROM out`, "2026-03-02 2026-03-02", "2026-05-04 2026-05-04")
}

// Where days and months could be exchanged, both are named, and the remedy reads the other.
func TestDoubtfulDatesAreTold(t *testing.T) {
	dir := folder(t, map[string]string{"t.csv": "id,day\n1,2/3/2026\n2,4/5/2026\n"})
	log, err := prepareLogged(t, dir, "sources: {t: {path: t.csv}}\nsplit: {method: none}\n")
	if err != nil || !strings.Contains(log, "MM/DD/YYYY") || !strings.Contains(log, `types: {day: \"DD/MM/YYYY\"}`) {
		t.Errorf("%v: the log names not both ways:\n%s", err, log)
	}
	wantRows(t, dir, "SELECT day::DATE FROM out WHERE id = 1", "2026-02-03")
	mustRun(t, dir, "sources: {t: {path: t.csv, types: {day: \"DD/MM/YYYY\"}}}\nsplit: {method: none}\n")
	wantRows(t, dir, "SELECT day::DATE FROM out WHERE id = 1", "2026-03-02")
}

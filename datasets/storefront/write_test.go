package storefront

import (
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// readCSV reads a file strictly: encoding/csv refuses ragged rows and bare
// quotes.
func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(f).ReadAll()
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return records
}

func hash(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

func TestFilesHaveTheSameBytesTwice(t *testing.T) {
	a, b := t.TempDir(), filepath.Join(t.TempDir(), "made", "here")
	cfg := small()
	var summaries [2]Summary
	for i, dir := range []string{a, b} {
		var err error
		if summaries[i], err = WriteCSV(dir, cfg); err != nil {
			t.Fatal(err)
		}
		if _, err = WriteNewSessions(dir, cfg, 200); err != nil {
			t.Fatal(err)
		}
	}
	if summaries[0] != summaries[1] {
		t.Errorf("summaries differ: %+v and %+v", summaries[0], summaries[1])
	}
	for _, name := range []string{SessionsFile, TruthFile, NewSessionsFile, NewTruthFile} {
		if hash(t, filepath.Join(a, name)) != hash(t, filepath.Join(b, name)) {
			t.Errorf("%s differs between two runs", name)
		}
	}
	cfg.Seed++
	if _, err := WriteCSV(b, cfg); err != nil {
		t.Fatal(err)
	}
	if hash(t, filepath.Join(a, SessionsFile)) == hash(t, filepath.Join(b, SessionsFile)) {
		t.Error("another seed wrote the same sessions")
	}
}

// schema is what each column of the sessions' file has to look like.
var schema = []struct {
	name, pattern string
}{
	{"session_id", `s\d{8}`},
	{"user_id", `u\d{8}`},
	{"timestamp", `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`},
	{"device", `[a-z]+`},
	{"channel", `[a-z_]+`},
	{"country", `[A-Z]{2}`},
	{"new_visitor", `TRUE|FALSE`},
	{"pages", `\d+`},
	{"minutes", `(\d+\.\d)?`},
	{"category", `[a-z_]*`},
	{"mean_price", `(\d+\.\d\d)?`},
	{"discount", `(\d+)?`},
	{"cart_adds", `\d+`},
	{"bounce_share", `([01]\.\d{3})?`},
	{"days_since_last_visit", `(\d+\.\d)?`},
	{"weekend", `TRUE|FALSE`},
	{"month", `[A-Z][a-z]{2}`},
	{"purchased", `TRUE|FALSE`},
}

func TestFilesFollowTheSchema(t *testing.T) {
	dir := t.TempDir()
	cfg := small()
	summary, err := WriteCSV(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	newSummary, err := WriteNewSessions(dir, cfg, 321)
	if err != nil {
		t.Fatal(err)
	}
	if newSummary.Sessions != 321 {
		t.Errorf("the new part has %d sessions, want 321", newSummary.Sessions)
	}

	table := readCSV(t, filepath.Join(dir, SessionsFile))
	if !slices.Equal(table[0], Columns()) || len(table[0]) != len(schema) {
		t.Fatalf("header %v, want %v", table[0], Columns())
	}
	checkColumns(t, table)
	if len(table)-1 != cfg.Sessions {
		t.Errorf("%d rows, want %d", len(table)-1, cfg.Sessions)
	}
	truth := readCSV(t, filepath.Join(dir, TruthFile))
	if !slices.Equal(truth[0], []string{"session_id", "probability"}) || len(truth) != len(table) {
		t.Fatalf("truth: header %v, %d rows", truth[0], len(truth)-1)
	}
	purchases, mean := 0, 0.0
	for i, row := range truth[1:] {
		if row[0] != table[i+1][0] {
			t.Fatalf("row %d: truth of %s beside session %s", i+1, row[0], table[i+1][0])
		}
		p, err := strconv.ParseFloat(row[1], 64)
		if err != nil || p <= 0 || p >= 1 {
			t.Fatalf("row %d: probability %q", i+1, row[1])
		}
		mean += p / float64(cfg.Sessions)
		if table[i+1][len(schema)-1] == "TRUE" {
			purchases++
		}
	}
	if purchases != summary.Purchases || math.Abs(mean-summary.MeanProbability) > 1e-8 {
		t.Errorf("files have %d purchases, mean probability %v; summary %+v", purchases, mean, summary)
	}

	fresh := readCSV(t, filepath.Join(dir, NewSessionsFile))
	if want := Columns()[:len(schema)-1]; !slices.Equal(fresh[0], want) {
		t.Errorf("header of the new sessions %v, want %v", fresh[0], want)
	}
	checkColumns(t, fresh)
	if got := readCSV(t, filepath.Join(dir, NewTruthFile)); len(fresh) != 322 || len(got) != 322 {
		t.Errorf("%d new rows, %d of their truth, want 321", len(fresh)-1, len(got)-1)
	}
	if last := table[len(table)-1]; fresh[1][0] <= last[0] || fresh[1][2] < last[2] {
		t.Errorf("new session %v does not come after %v", fresh[1][:3], last[:3])
	}
}

// checkColumns checks every value against the schema, and those derived from
// others against them.
func checkColumns(t *testing.T, table [][]string) {
	t.Helper()
	ids := map[string]bool{}
	for c, name := range table[0] {
		if name != schema[c].name {
			t.Fatalf("column %d is %q, want %q", c+1, name, schema[c].name)
		}
		pattern := regexp.MustCompile(`^(?:` + schema[c].pattern + `)$`)
		for i, row := range table[1:] {
			if !pattern.MatchString(row[c]) {
				t.Fatalf("row %d: column %q: %q does not match %s", i+1, name, row[c], pattern)
			}
		}
	}
	for i, row := range table[1:] {
		if ids[row[0]] {
			t.Fatalf("row %d: id %s occurs twice", i+1, row[0])
		}
		ids[row[0]] = true
		at, err := time.Parse(time.DateTime, row[2])
		if err != nil {
			t.Fatalf("row %d: %v", i+1, err)
		}
		if row[16] != at.Format("Jan") {
			t.Fatalf("row %d: month %s at %v", i+1, row[16], at)
		}
		if (row[6] == "TRUE") != (row[14] == "") {
			t.Fatalf("row %d: new visitor %s, days since the last visit %q", i+1, row[6], row[14])
		}
	}
}

func TestColumnsIsACopy(t *testing.T) {
	Columns()[0] = "changed"
	if got := Columns(); got[0] != "session_id" || got[len(got)-1] != Label {
		t.Errorf("columns %v", got)
	}
}

func TestIDsSortByNumber(t *testing.T) {
	for _, test := range []struct {
		index int
		want  string
	}{{0, "s00000001"}, {8, "s00000009"}, {9, "s00000010"}, {99_999_998, "s99999999"}, {99_999_999, "s100000000"}} {
		s := Session{Index: test.index}
		if got := s.ID(); got != test.want {
			t.Errorf("id of session %d is %s, want %s", test.index, got, test.want)
		}
	}
	s := Session{User: 41}
	if got := s.UserID(); got != "u00000042" {
		t.Errorf("id of user 41 is %s", got)
	}
}

// An error while writing is reported and leaves what was there before.
func TestFailedWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteCSV(filepath.Join(blocked, "sub"), small()); err == nil {
		t.Error("a folder inside a file was written")
	}
	// A folder stands where the truth should go: neither file may appear.
	if err := os.MkdirAll(filepath.Join(dir, TruthFile, "sub"), 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteCSV(dir, small()); err == nil {
		t.Error("the truth replaced a folder")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("files left behind: %v", entries)
	}

	full := failingWriter{}
	all := mustSimulate(t, small())
	if _, err := writeTables(full, full, all, true); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}

var errFull = errors.New("no space left")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errFull }

func BenchmarkSimulate(b *testing.B) {
	cfg := DefaultConfig()
	b.ReportAllocs()
	for b.Loop() {
		all, err := Simulate(cfg)
		if err != nil {
			b.Fatal(err)
		}
		for range all {
		}
	}
	b.ReportMetric(float64(cfg.Sessions)*float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
}

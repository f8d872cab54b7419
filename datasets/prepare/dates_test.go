package prepare

import (
	"log/slog"
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

func TestDatesInTextsAreTold(t *testing.T) {
	dir := folder(t, map[string]string{"t.csv": "id,sold on,name\n1,12/1/10 8:26,a-1\n2,12/13/10 18:05,12/1/10 8:26\n3,,c\n"})
	const table = "sources: {t: {path: t.csv%s}}\nsplit: {method: none}\nshuffle: false\n"
	const step = `{cast: {"sold on": {to: TIMESTAMP, format: "%m/%d/%y %H:%M"}}}`

	plain := strings.Replace(table, "%s", "", 1)
	log, err := prepareLogged(t, dir, plain)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.ReplaceAll(step, `"`, `\"`); !strings.Contains(log, want) || strings.Contains(log, "column=name") {
		t.Errorf("the log lacks %s:\n%s", want, log)
	}
	// The step that it names does it.
	if log, err = prepareLogged(t, dir, plain+"steps: ["+step+"]"); err != nil || strings.Contains(log, "looks like dates") {
		t.Errorf("%v\n%s", err, log)
	}
	wantRows(t, dir, `SELECT "sold on" FROM out WHERE id < 3`, "2010-12-01 08:26:00", "2010-12-13 18:05:00")

	// So does the remedy of an error: no rows are to be thrown away for it.
	_, err = run(t, t.TempDir(), strings.Replace(strings.Replace(table, "%s", `, types: {"sold on": TIMESTAMP}`, 1), "path: ", "path: "+dir+"/", 1))
	wantError(t, t.TempDir(), err, "t.csv:2", "MM/DD/YY", `types: {"sold on": VARCHAR}`, "steps: ["+step+"]")
	if strings.Contains(err.Error(), "limit") {
		t.Errorf("it advises to give all rows up: %v", err)
	}
	mustRun(t, dir, strings.Replace(table, "%s", `, types: {"sold on": VARCHAR}`, 1)+"steps: ["+step+"]")

	// Where days and months could be exchanged, both are named.
	dir = folder(t, map[string]string{"t.csv": "id,day\n1,02.03.2026\n2,04.05.2026\n3,07/08/2026\n"})
	if log, err = prepareLogged(t, dir, plain); err != nil || strings.Contains(log, "looks like dates") {
		t.Errorf("%v: two ways of writing are no dates:\n%s", err, log)
	}
	dir = folder(t, map[string]string{"t.csv": "id,day\n1,2/3/2026\n2,4/5/2026\n"})
	if log, err = prepareLogged(t, dir, plain); err != nil || !strings.Contains(log, "%m/%d/%Y") || !strings.Contains(log, "%d/%m/%Y") {
		t.Errorf("%v: the log names not both ways:\n%s", err, log)
	}
}

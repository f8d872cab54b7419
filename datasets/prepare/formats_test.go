package prepare

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/postgres/postgrestest"
)

func TestTextFormats(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.svm": "1 1:0.5 3:2\n-1 2:1 # note\n", "b.ffm": "1 0:12:1 1:3:1\n0 0:7:1\n", "u.data": "ann\tx\t4\t881250949\nbob\ty\t2.5\t881250950\n", "adj.txt": "1 10 11\n2 12\n",
	})
	mustRun(t, dir, "sources: {t: {path: a.svm, format: libsvm}}\nsplit: {method: none}")
	wantRows(t, dir, "SELECT label, f1, f2, f3 FROM out ORDER BY label", "-1.0 0.0 1.0 0.0", "1.0 0.5 0.0 2.0")
	mustRun(t, dir, "sources: {t: {path: b.ffm, format: libffm}}\nsplit: {method: none}")
	wantRows(t, dir, "SELECT label, field_0, coalesce(field_1, '-') FROM out ORDER BY label", "0.0 7 -", "1.0 12 3")
	mustRun(t, dir, "sources: {t: {path: u.data, format: log}}\nsplit: {method: none}")
	wantRows(t, dir, `SELECT "user", item, rating, time FROM out ORDER BY 1`, "ann x 4.0 1997-12-04 15:55:49", "bob y 2.5 1997-12-04 15:55:50")
	mustRun(t, dir, "sources: {t: {path: adj.txt, format: adjacency}}\nsplit: {method: none}\nsteps: [{negatives: {user: user, item: item, label: y, ratio: 1}}]")
	wantRows(t, dir, `SELECT count(*) FILTER (WHERE y), count(*) FILTER (WHERE NOT y) FROM out`, "3 3")
}

func TestMalformedLinesAreKeptAside(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		if i%100 == 7 {
			fmt.Fprintf(&b, "1 3:x\n")
			continue
		}
		fmt.Fprintf(&b, "%d 1:%d\n", i%2, i)
	}
	dir := folder(t, map[string]string{"a.svm": b.String()})
	const text = "sources: {t: {path: a.svm, format: libsvm}}\nsplit: {method: none}\n"
	_, err := run(t, dir, text)
	wantError(t, dir, err, "a.svm:8", "rejects")
	_, err = run(t, dir, text+"rejects: {limit: 4}")
	wantError(t, dir, err, "a.svm:8")
	d := mustRun(t, dir, text+"rejects: {limit: 5, file: bad.csv}")
	kept, err := os.ReadFile(filepath.Join(dir, "out", "bad.csv"))
	if err != nil || d.Rejected != 5 || d.Rows != 495 || !strings.Contains(string(kept), "a.svm:408") || !strings.Contains(string(kept), "1 3:x") {
		t.Errorf("%d rejected of %d, kept %q, %v", d.Rejected, d.Rows, kept, err)
	}
}

func TestTaobao(t *testing.T) {
	realData(t)
	dir := t.TempDir()
	d := mustRun(t, dir, `
sources:
  views: {path: "${DATA}/taobao/view.txt.gz", format: log, names: [user, item]}
  carts: {path: "${DATA}/taobao/cart.txt.gz", format: log, names: [user, item]}
  buys: {path: "${DATA}/taobao/buy.txt.gz", format: log, names: [user, item]}
  behavior: {query: "SELECT *, 'view' AS kind FROM views UNION ALL SELECT *, 'cart' FROM carts UNION ALL SELECT *, 'buy' FROM buys"}
from: behavior
split: {method: group, column: user}
`)
	if d.Rows != 848603+188685+76731 {
		t.Errorf("%d rows", d.Rows)
	}
	wantRows(t, dir, `SELECT count(DISTINCT "user") FROM out`, "15449")
}

func TestEncryptedOutput(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": orders})
	t.Setenv("TEST_PASSPHRASE", "correct horse battery")
	d := mustRun(t, dir, source+"encrypt: {passphrase: {env: TEST_PASSPHRASE}}")
	if !d.Encrypted || d.Parts[0].File != "train.parquet.age" {
		t.Errorf("%+v", d.Parts)
	}
	err := filepath.WalkDir(filepath.Join(dir, "out"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, secret := range []string{"apple", "example.org", "correct horse", "PAR1"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s holds %q", e.Name(), secret)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"encrypt: {recipients: age1nonsense}":                                "age-keygen",
		"encrypt: {}":                                                        "either recipients or a passphrase",
		"encrypt: {passphrase: {env: TEST_UNSET}}":                           "TEST_UNSET",
		"encrypt: {passphrase: {env: TEST_PASSPHRASE}, recipients: [age1x]}": "either",
		"encrypt: {recipients_file: nowhere.txt}":                            "nowhere.txt",
	} {
		_, err := run(t, dir, source+text)
		wantError(t, dir, err, want)
	}
}

func TestPostgres(t *testing.T) {
	s := postgrestest.Start(t)
	s.Exec(t, "CREATE TABLE sales (id int PRIMARY KEY, amount numeric, at timestamp); INSERT INTO sales SELECT i, i * 0.5, '2025-01-01'::timestamp + i * interval '1 hour' FROM generate_series(1, 1000) i")
	t.Setenv("TEST_DSN", s.DSN())
	dir := t.TempDir()
	const text = "sources: {sales: {postgres: {dsn: {env: TEST_DSN}, table: sales}}}\nsplit: {method: none}\n"
	d := mustRun(t, dir, text)
	wantRows(t, dir, "SELECT count(*), sum(amount), max(id) FROM out", "1000 250250.0 1000")
	first := sums(t, dir)
	mustRun(t, dir, text)
	if sums(t, dir) != first || strings.Contains(d.Sources[0].From, postgrestest.Password) {
		t.Errorf("not the same bytes, or the password in %q", d.Sources[0].From)
	}
	if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	_, err := run(t, dir, strings.Replace(text, "table: sales", "table: sale", 1))
	wantError(t, dir, err, "source sales", `did you mean "sales"`)
}

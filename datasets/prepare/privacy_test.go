package prepare

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPseudonyms(t *testing.T) {
	var b strings.Builder
	b.WriteString("customer,friend,n\n")
	for i := range 500 {
		fmt.Fprintf(&b, "cust-%05d,cust-%05d,%d\n", i, (i+1)%500, i)
	}
	dir := folder(t, map[string]string{"t.csv": b.String()})
	for _, key := range []string{"0123456789abcdef", strings.Repeat("long key ", 20)} {
		t.Setenv("TEST_KEY", key)
		d := mustRun(t, dir, "sources: {t: {path: t.csv}}\nkey: {env: TEST_KEY}\nsplit: {method: none}\nsteps: [{pseudonymize: {customer: customer, friend: customer, n: number}}]")
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte("customer\x00cust-00007"))
		want := hex.EncodeToString(mac.Sum(nil))[:32]
		if got := rows(t, dir, "SELECT count(*) FROM out WHERE customer = '"+want+"'"); got[0] != "1" {
			t.Errorf("no row has the pseudonym %s", want)
		}
		wantRows(t, dir, "SELECT count(DISTINCT customer), count(*) FILTER (WHERE customer IN (SELECT friend FROM out)) FROM out", "500 500")
		if len(d.Privacy.Pseudonymized) != 3 {
			t.Errorf("%+v", d.Privacy)
		}
		err := filepath.WalkDir(filepath.Join(dir, "out"), func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if bytes.Contains(text, []byte("cust-0")) || bytes.Contains(text, []byte(key)) {
				t.Errorf("%s holds an id or the key", e.Name())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TEST_KEY", "short")
	out := filepath.Join(dir, "out")
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	_, err := run(t, dir, "sources: {t: {path: t.csv}}\nkey: {env: TEST_KEY}\nsteps: [{pseudonymize: {customer: customer}}]")
	wantError(t, dir, err, "at least 16", "openssl")
	if strings.Contains(err.Error(), "short") {
		t.Errorf("the error tells the key: %v", err)
	}
}

func TestAnonymity(t *testing.T) {
	var b strings.Builder
	b.WriteString("age,zip,day,city\n")
	for i := range 1000 {
		city := "Berlin"
		if i%100 == 0 {
			city = fmt.Sprintf("Village%d", i)
		}
		fmt.Fprintf(&b, "%d,%05d,2025-01-%02d,%s\n", 20+i%50, 10000+i%300, 1+i%28, city)
	}
	b.WriteString("99,99999,2025-03-01,Berlin\n")
	dir := folder(t, map[string]string{"t.csv": b.String()})
	const text = "sources: {t: {path: t.csv, types: {zip: VARCHAR}}}\nsplit: {method: none}\nsteps:\n  - generalize: {age: {width: 10}, zip: {prefix: 2}, day: {unit: month}, city: {rare_below: 5}}\n"
	d := mustRun(t, dir, text+"  - k_anonymity: {columns: [age, zip, city], k: 5}")
	if a := d.Privacy.Anonymity; a.Violations != 1 || a.Suppressed != 1 || a.Smallest != 10 || d.Rows != 1000 {
		t.Errorf("%+v, %d rows", a, d.Rows)
	}
	wantRows(t, dir, "SELECT DISTINCT age, zip, day::DATE, city FROM out ORDER BY ALL LIMIT 3", "20 10 2025-01-01 Berlin", "20 10 2025-01-01 other", "30 10 2025-01-01 Berlin")
	d = mustRun(t, dir, text+"  - k_anonymity: {columns: [age, zip], k: 5, action: report}")
	if a := d.Privacy.Anonymity; a.Violations != 1 || a.Smallest != 1 || d.Rows != 1001 {
		t.Errorf("%+v, %d rows", a, d.Rows)
	}
	if _, err := run(t, dir, text+"  - k_anonymity: {columns: [age, zip], k: 5, action: fail}"); err == nil || !strings.Contains(err.Error(), "1 of 1001 rows") {
		t.Error(err)
	}
}

func TestMask(t *testing.T) {
	dir := folder(t, map[string]string{"t.csv": `n;text
1;write to ann.b+x@mail.example.org now
2;call +49 30 1234 5678 or (030) 123456
3;card 4111 1111 1111 1111 please
4;order 536365 of 2025-01-31 12:30 cost 12.50 and 1,200.00, size 10 x 20
5;from 192.168.1.17, IBAN DE89 3704 0044 0532 0130 00
6;
`})
	d := mustRun(t, dir, "sources: {t: {path: t.csv}}\nsplit: {method: none}\nsteps: [{mask: [text]}]")
	wantRows(t, dir, "SELECT n, text FROM out ORDER BY n", "1 write to [email] now", "2 call [phone] or [phone]", "3 card [card] please",
		"4 order 536365 of 2025-01-31 12:30 cost 12.50 and 1,200.00, size 10 x 20", "5 from [ip], IBAN [iban]", "6")
	if d.Steps[1].Changed["text"] != 4 {
		t.Errorf("%v", d.Steps[1].Changed)
	}
}

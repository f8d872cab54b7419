package table

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"debut/datasets/configfile"
)

// realData returns the folder of real data files, or skips the test.
func realData(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("DEBUT_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir, err := filepath.Abs(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real data %s: set DEBUT_DATA to the folder that holds it (%v)", name, err)
	}
	return dir
}

func TestRetailDuplicates(t *testing.T) {
	dir := realData(t, "retail")
	f, err := Read(context.Background(), Source{Path: configfile.Strings{"online_retail.csv.gz"}}, dir,
		map[string]string{"InvoiceNo": TypeCategorical, "StockCode": TypeCategorical})
	if err != nil {
		t.Fatal(err)
	}
	if f.Rows != 240007 || len(f.Columns) != 8 {
		t.Fatalf("%d rows, %d columns, want 240007 and 8", f.Rows, len(f.Columns))
	}
	if n := f.Column("CustomerID").MissingCount(); n != 67225 {
		t.Errorf("%d rows without customer, want 67225", n)
	}
	if k := f.Column("InvoiceDate").Kind; k != Date {
		t.Errorf("InvoiceDate is %v, want a date", k)
	}
	if n := f.Rows - len(Deduplicate(f)); n != 1970 {
		t.Errorf("%d duplicates, want 1970", n)
	}
}

package prepare

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"debut/datasets/manifest"
	"debut/datasets/npy"
)

func TestVectorSource(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": orders, "items.txt": "apple\npear\n", "numbers.txt": "1\n2\n"})
	var b bytes.Buffer
	if err := npy.Write(&b, []float32{0.5, -1, 2, 3}, 2); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "images.npy"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	const head = "sources: {orders: {path: orders.csv}, images: {path: images.npy, "
	const tail = "}}\nfrom: orders\nsplit: {method: none}\nsteps: [{join: {table: images, on: item}}, {select: [id, item, image]}]\n"
	d := mustRun(t, dir, head+"ids: items.txt, names: [item, image]"+tail)
	wantRows(t, dir, "SELECT DISTINCT item, coalesce(CAST(image AS VARCHAR), '-') FROM out ORDER BY item", "apple [0.5, -1.0]", "fig -", "pear [2.0, 3.0]")
	if c := d.Column("image"); c.Type != manifest.Vector {
		t.Errorf("%+v", c)
	}
	for _, s := range d.Sources {
		if s.Name == "images" && (len(s.Files) != 2 || s.Rows != 2) {
			t.Errorf("%+v", s)
		}
	}
	for text, want := range map[string]string{
		head + "ids: numbers.txt, names: [item, image]" + tail:                           "cast one of them",
		head + "ids: nowhere.txt" + tail:                                                 "nowhere.txt",
		head + "names: [a]" + tail:                                                       "names for two columns",
		head + "query: SELECT 1" + tail:                                                  "does not go with npy files",
		"sources: {orders: {path: orders.csv, ids: items.txt}}\nsplit: {method: none}\n": "is for .npy files",
		"sources: {orders: {path: orders.csv, format: npy}}\nsplit: {method: none}\n":    "orders.csv",
	} {
		if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
			t.Fatal(err)
		}
		_, err := run(t, dir, text)
		wantError(t, dir, err, want)
	}
}

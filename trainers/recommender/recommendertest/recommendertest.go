// Package recommendertest is what tests of families that recommend share.
package recommendertest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/kernels/philox"
	"debut/trainers/model"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// Events writes made-up interactions: users of four tastes, whose items are mostly of their taste. It returns the folder, in which they
// are events.csv.
func Events(t testing.TB, users int) string {
	t.Helper()
	dir := t.TempDir()
	r := philox.New(1, 5)
	var b strings.Builder
	b.WriteString("user,item\n")
	for u := range users {
		for range 9 {
			item := 20*(u%4) + r.IntN(20)
			if r.Float64() < 0.1 {
				item = r.IntN(80)
			}
			fmt.Fprintf(&b, "u%d,i%d\n", u, item)
		}
	}
	Write(t, filepath.Join(dir, "events.csv"), b.String())
	return dir
}

// Write writes a file.
func Write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Read reads a file.
func Read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Contents reads all files of a model.
func Contents(t testing.TB, o *run.Outcome) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := os.DirFS(filepath.Join(o.Folder, runfolder.ModelDir))
	err := fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Lists are recommendations for all users, and for one whom the model does not know.
func Lists(t testing.TB, m model.Recommender) []model.List {
	t.Helper()
	var out []model.List
	for _, r := range []model.Request{{K: 7}, {Users: []string{"u1", "nobody", "u1"}, K: 5, Seen: true}} {
		for l, err := range m.Recommend(t.Context(), r) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, l)
		}
	}
	return out
}

// Same says whether lists are the same, to the last bit of their scores.
func Same(a, b []model.List) bool {
	return slices.EqualFunc(a, b, func(x, y model.List) bool {
		return x.User == y.User && x.Known == y.Known && slices.Equal(x.Items, y.Items) && slices.Equal(x.Scores, y.Scores)
	})
}

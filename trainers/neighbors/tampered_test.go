package neighbors_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/interactions"
	"debut/engine/safetensors"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// A sparse matrix as model folders have it.
type sparse struct {
	offsets []int64
	indices []int32
	values  []float32
}

func (s *sparse) bytes(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	list := []safetensors.Source{safetensors.Vector("offsets", s.offsets), safetensors.Vector("indices", s.indices), safetensors.Vector("values", s.values)}
	if err := safetensors.Stream(&b, list, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func readSparse(t testing.TB, text string) *sparse {
	t.Helper()
	f, err := safetensors.Open(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	s := &sparse{}
	if s.offsets, err = safetensors.ReadVector[int64](f, "offsets"); err != nil {
		t.Fatal(err)
	}
	if s.indices, err = safetensors.ReadVector[int32](f, "indices"); err != nil {
		t.Fatal(err)
	}
	if s.values, err = safetensors.ReadVector[float32](f, "values"); err != nil {
		t.Fatal(err)
	}
	return s
}

func hash(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// A model that somebody has changed, checksums and all, is refused: it neither answers nor panics.
func TestTampered(t *testing.T) {
	dir := recommendertest.Events(t, 60)
	rename := func(from, to string) func(string) string {
		return func(text string) string {
			_, lines, _ := strings.Cut(text, "\n")
			ids := strings.Split(strings.TrimSuffix(lines, "\n"), "\n")
			for i, id := range ids {
				if id == from {
					ids[i] = to
				}
			}
			v, err := interactions.NewVocabulary(ids)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if _, err := v.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
	}
	change := func(f func(s *sparse)) func(string) string {
		return func(text string) string {
			s := readSparse(t, text)
			f(s)
			return s.bytes(t)
		}
	}
	inf := float32(math.Inf(1))
	const graph, histories = "neighbors.safetensors", "histories.safetensors"
	for _, kind := range []string{"item", "user"} {
		files := recommendertest.Contents(t, train(t, dir, small, run.Options{Overwrite: true}, "model.kind="+kind))
		for _, c := range []struct {
			what, file string
			change     func(string) string
			want       string
		}{
			{"as it is", graph, change(func(*sparse) {}), ""},
			{"offsets out of order", graph, change(func(s *sparse) { s.offsets[1], s.offsets[2] = s.offsets[2], s.offsets[1] }), "end before they begin"},
			{"an offset beyond the end", graph, change(func(s *sparse) { s.offsets[1] = math.MaxInt64 }), "end before they begin"},
			{"an offset below 0", graph, change(func(s *sparse) { s.offsets[1] = math.MinInt64 }), "end before they begin"},
			{"a neighbor that is none", graph, change(func(s *sparse) { s.indices[0] = 1 << 30 }), "neighbor 0 is row 1073741824"},
			{"a negative neighbor", graph, change(func(s *sparse) { s.indices[3] = -1 }), "neighbor 3 is row -1"},
			{"a similarity that is no number", graph, change(func(s *sparse) { s.values[0] = float32(math.NaN()) }), "holds NaN at 0"},
			{"an infinite similarity", graph, change(func(s *sparse) { s.values[0] = inf }), "holds +Inf at 0"},
			{"neighbors out of order", graph, change(func(s *sparse) { s.values[0], s.values[s.offsets[1]-1] = s.values[s.offsets[1]-1], 9 }), "most similar first"},
			{"a row less", graph, change(func(s *sparse) { s.offsets = s.offsets[:len(s.offsets)-1] }), "is none of"},
			{"no rows", graph, change(func(s *sparse) { *s = sparse{} }), "is none of"},
			{"a value less", graph, change(func(s *sparse) { s.values = s.values[1:] }), "is none of"},
			{"no safetensors", graph, func(string) string { return "nothing" }, graph},
			{"another tensor", graph, func(text string) string { return strings.Replace(text, `"indices"`, `"indexes"`, 1) }, graph},
			{"a history out of order", histories, change(func(s *sparse) { s.indices[0], s.indices[1] = s.indices[1], s.indices[0] }), "in ascending order"},
			{"an item twice", histories, change(func(s *sparse) { s.indices[1] = s.indices[0] }), "in ascending order"},
			{"an item that is none", histories, change(func(s *sparse) { s.indices[s.offsets[1]-1] = 5000 }), "in ascending order"},
			{"a negative item", histories, change(func(s *sparse) { s.indices[0] = -7 }), "in ascending order"},
			{"a value that is no number", histories, change(func(s *sparse) { s.values[4] = float32(math.NaN()) }), "holds NaN at 4"},
			{"an infinite value", histories, change(func(s *sparse) { s.values[4] = inf }), "holds +Inf at 4"},
			{"a history that ends before it begins", histories, change(func(s *sparse) { s.offsets[3] = -4 }), "begin at"},
			{"a user less", histories, change(func(s *sparse) { s.offsets = s.offsets[:len(s.offsets)-1] }), "are not those of"},
			{"another user in the place of one", "users.ids", rename("u10", "u0x"), "other ids than the model was trained with"},
			{"another item in the place of one", "items.ids", rename("i10", "i0x"), "other ids than the model was trained with"},
			{"an item more", "items.ids", rename("i10", "i10\ni10x"), "items.ids"},
			{"no vocabulary", "items.ids", func(string) string { return "" }, "items.ids"},
			{"an unknown key", runfolder.ModelFile, func(text string) string { return strings.Replace(text, `"neighbors": 15`, `"nieghbors": 15`, 1) }, `did you mean "neighbors"`},
			{"another kind", runfolder.ModelFile, func(text string) string {
				return strings.Replace(text, `"kind": "`+kind+`"`, `"kind": "both"`, 1)
			}, `"both" is not one of`},
			{"a newer version", runfolder.ModelFile, func(text string) string { return strings.Replace(text, `"version": 1`, `"version": 2`, 1) }, "up to version 1"},
			{"no vocabularies", runfolder.ModelFile, func(text string) string { return strings.Replace(text, `"vocabularies"`, `"others"`, 1) }, "others"},
		} {
			place := t.TempDir()
			changed := c.change(files[c.file])
			if c.want != "" && changed == files[c.file] {
				t.Errorf("%s: nothing is changed", c.what)
			}
			for name, text := range files {
				if name == c.file {
					text = changed
				}
				if name == runfolder.ModelFile && c.file != name {
					text = strings.Replace(text, hash(files[c.file]), hash(changed), 1)
				}
				recommendertest.Write(t, filepath.Join(place, name), text)
			}
			m, err := open(t, place, 2)
			switch {
			case c.want == "" && err == nil:
				recommendertest.Lists(t, m)
			case c.want == "":
				t.Errorf("%s, %s: %v", kind, c.what, err)
			case err == nil || !strings.Contains(err.Error(), c.want):
				t.Errorf("%s, %s: %v, want an error with %q", kind, c.what, err, c.want)
			case !strings.Contains(err.Error(), c.file):
				t.Errorf("%s, %s: %v does not name %s", kind, c.what, err, c.file)
			}
		}
		// Another model's file, of the same size: its checksum tells.
		place := t.TempDir()
		for name, text := range files {
			recommendertest.Write(t, filepath.Join(place, name), text)
		}
		recommendertest.Write(t, filepath.Join(place, graph), strings.ToUpper(files[graph]))
		if _, err := open(t, place, 1); err == nil || !strings.Contains(err.Error(), "copy the model again, or train anew") {
			t.Errorf("%v", err)
		}
		if err := os.Remove(filepath.Join(place, histories)); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, place, 1); err == nil || !strings.Contains(err.Error(), histories) {
			t.Errorf("a file is missing: %v", err)
		}
	}
}

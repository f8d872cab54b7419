package factorization_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"debut/engine/safetensors"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// A model that somebody has changed, checksums and all, is refused, as is one whose factors are of other users and items.
func TestTampered(t *testing.T) {
	dir := recommendertest.Events(t, 60)
	files := recommendertest.Contents(t, train(t, dir, small, run.Options{}))
	other := recommendertest.Contents(t, train(t, recommendertest.Events(t, 61), small, run.Options{}))
	const factors = "factors.safetensors"
	rewrite := func(change func(name string, v []float32, columns int) ([]float32, int)) string {
		f, err := safetensors.Open(strings.NewReader(files[factors]), int64(len(files[factors])))
		if err != nil {
			t.Fatal(err)
		}
		var list []safetensors.Source
		for _, name := range []string{"users", "items"} {
			v, columns, err := safetensors.ReadMatrix[float32](f, name)
			if err != nil {
				t.Fatal(err)
			}
			v, columns = change(name, v, columns)
			list = append(list, safetensors.Matrix(name, v, columns))
		}
		var b bytes.Buffer
		if err := safetensors.Stream(&b, append(list, safetensors.Vector("mean", []float32{0})), nil); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, c := range []struct{ what, file, text, want string }{
		{"as it is", factors, rewrite(func(_ string, v []float32, c int) ([]float32, int) { return v, c }), ""},
		{"another run's factors", factors, other[factors], "are those of the model"},
		{"another run's users", "users.ids", other["users.ids"], "other ids than the model was trained with"},
		{"a row less", factors, rewrite(func(name string, v []float32, c int) ([]float32, int) {
			if name == "items" {
				v = v[c:]
			}
			return v, c
		}), `"items"`},
		{"other columns", factors, rewrite(func(_ string, v []float32, c int) ([]float32, int) { return v, c / 2 }), `"users"`},
		{"no number", factors, rewrite(func(_ string, v []float32, c int) ([]float32, int) { v[3] = float32(math.NaN()); return v, c }), "holds NaN at 3"},
		{"no safetensors", factors, "nothing", factors},
		{"another width", runfolder.ModelFile, strings.Replace(files[runfolder.ModelFile], `"factors": 6`, `"factors": 7`, 1), "of 7 are those"},
		{"nothing chosen", runfolder.ModelFile, regexp.MustCompile(`,\s*"unobserved": 0.1`).ReplaceAllString(files[runfolder.ModelFile], ""), "unobserved and regularization are missing"},
		{"an unknown algorithm", runfolder.ModelFile, strings.Replace(files[runfolder.ModelFile], `"als"`, `"asl"`, 1), `did you mean "als"`},
		{"a newer version", runfolder.ModelFile, strings.Replace(files[runfolder.ModelFile], `"version": 1`, `"version": 2`, 1), "up to version 1"},
	} {
		place := t.TempDir()
		if c.want != "" && c.text == files[c.file] {
			t.Errorf("%s: nothing is changed", c.what)
		}
		for name, text := range files {
			if name == c.file {
				text = c.text
			}
			if name == runfolder.ModelFile && c.file != name {
				text = strings.Replace(text, sum(files[c.file]), sum(c.text), 1)
			}
			recommendertest.Write(t, filepath.Join(place, name), text)
		}
		m, err := open(t, place, 2)
		switch {
		case c.want == "" && err == nil:
			recommendertest.Lists(t, m)
		case c.want == "" || err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want an error with %q", c.what, err, c.want)
		case !strings.Contains(err.Error(), place):
			t.Errorf("%s: %v does not name its place", c.what, err)
		}
	}
}

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

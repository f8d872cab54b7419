package behavior

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/trainers/model"
)

// Whatever the files of a model hold, with checksums that are right: it is refused with an error that names a file, or opened and
// asked for predictions, which are numbers or an error. Nothing panics, and memory is bounded.
func FuzzModel(f *testing.F) {
	dev, data := forgingDevice(f), goldenRows(f)
	bases := map[string]*forger{}
	for _, kind := range []string{"network", "multiclass", "linear", "exact", "streamed"} {
		base := openForger(f, kind)
		bases[kind] = base
		dir := f.TempDir()
		base.write(f, dir)
		text := func(name string) []byte {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				f.Fatal(err)
			}
			return b
		}
		description := base.clone(f)
		delete(description.model, "sha256") // written anew
		f.Add(encode(f, description.model), text(encoderFile), text(parametersFile))
	}
	base := bases["network"]
	f.Fuzz(func(t *testing.T, description, encoder, parameters []byte) {
		dir := t.TempDir()
		forged := base.clone(t)
		forged.tensorText = func([]byte) []byte { return parameters }
		forged.encoderText = func([]byte) []byte { return encoder }
		forged.modelText = func(text []byte) []byte {
			// The checksums go in front of what the description begins with.
			from := bytes.Index(text, []byte(`"sha256":`))
			sums := text[from : from+bytes.IndexByte(text[from:], '}')+1]
			body, ok := bytes.CutPrefix(bytes.TrimLeft(description, " \t\r\n"), []byte("{"))
			if !ok {
				return description
			}
			return bytes.Join([][]byte{[]byte("{"), sums, []byte(","), body}, nil)
		}
		forged.write(t, dir)
		before := allocations()
		m, err := Open(dir, dev)
		if err == nil {
			for _, tensor := range m.params.All() {
				values, err := m.params.Read(tensor.Spec.Name)
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range values {
					if math.IsNaN(v) || math.IsInf(v, 0) {
						t.Fatalf("parameter %s holds %v", tensor.Spec.Name, v)
					}
				}
			}
			p, err := model.Collect(m.Predict(context.Background(), data, ""))
			if err == nil && p.Rows != 59 {
				t.Fatalf("%d predictions", p.Rows)
			}
		} else if !strings.Contains(err.Error(), "model.json") && !strings.Contains(err.Error(), encoderFile) && !strings.Contains(err.Error(), parametersFile) {
			t.Fatalf("no file is named: %v", err)
		}
		size := uint64(len(description) + len(encoder) + len(parameters))
		if n := allocations() - before; n > bound+200*size {
			t.Fatalf("%d bytes were allocated for files of %d: %v", n, size, err)
		}
	})
}

package behavior

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// What `config init` writes and the three lines that name data and target are the same training.
func TestTemplatesAreTheDefaults(t *testing.T) {
	for kind, lines := range map[string]string{
		"classification": "data: {source: {path: data.csv}, target: label}",
		"regression":     "data: {source: {path: data.csv}, target: amount, task: regression}",
		"ids":            "data: {source: {path: views.csv}, target: bought, split: {method: time, column: time, validation: 0.1, test: 0.2}}\nmodel: {kind: deepfm}",
	} {
		text, err := Templates.ReadFile("templates/" + kind + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		// Examples that are commented out are valid too.
		for name, text := range map[string]string{"as it is": string(text), "with what is commented out": uncommented(string(text))} {
			c, err := Parse(kind+".yaml", []byte(text), nil)
			if err != nil {
				t.Errorf("%s, %s: %v", kind, name, err)
				continue
			}
			bare, err := Parse("run.yaml", []byte("name: my-run\n"+lines), nil)
			if err != nil {
				t.Fatal(err)
			}
			c.Header, bare.Header = run.Header{}, run.Header{}
			if name == "as it is" && !reflect.DeepEqual(c, bare) {
				t.Errorf("the template of %s is\n%+v\nwant\n%+v", kind, c, bare)
			}
			if !reflect.DeepEqual(c.Data.Defaults, bare.Data.Defaults) {
				t.Errorf("%s, %s: the defaults of columns are\n%+v\nwant\n%+v", kind, name, c.Data.Defaults, bare.Data.Defaults)
			}
		}
	}
}

// uncommented is a template with its examples of defaults, model and train.
func uncommented(template string) string {
	var text strings.Builder
	in := false
	for line := range strings.Lines(template) {
		at := strings.Index(line, "# ")
		example := at >= 0 && strings.TrimSpace(line[:at]) == ""
		switch rest := line[max(at, 0):]; {
		case example && (strings.HasPrefix(rest, "# defaults:") || strings.HasPrefix(rest, "# hidden:") || strings.HasPrefix(rest, "# train:")):
			in = true
			line = line[:at] + line[at+2:]
		case example && in && strings.HasPrefix(rest, "#   "):
			line = line[:at] + line[at+2:]
		default:
			in = false
		}
		text.WriteString(line)
	}
	return text.String()
}

// A factorization machine has a pace and a penalty of its own where nothing is said of them, and none where an optimizer is named.
func TestDefaultsOfAMachine(t *testing.T) {
	path := tableFile(t, 400)
	of := func(kind, more string) *Config {
		o := train(t, configure(t, path, "data: {source: {path: PATH}, target: y, features: [a, b, city]}\nmodel: {kind: "+kind+"}\n"+more))
		c, err := load(filepath.Join(o.Folder, runfolder.ConfigFile), nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	fm, deep := of("fm", ""), of("deepfm", "")
	if *fm.Train.Optimizer.L2 != machineL2 || *fm.Train.Optimizer.WeightDecay != 0 || *deep.Train.Optimizer.L2 != machineL2 || *deep.Train.Optimizer.WeightDecay == 0 {
		t.Errorf("penalties %v and %v; beside hidden layers %v and %v", *fm.Train.Optimizer.L2, *fm.Train.Optimizer.WeightDecay, *deep.Train.Optimizer.L2, *deep.Train.Optimizer.WeightDecay)
	}
	if r := *fm.Train.Optimizer.LearningRate / *deep.Train.Optimizer.LearningRate; math.Abs(r-machineRate) > 0.01 || fm.Train.Epochs != machinePasses*deep.Train.Epochs {
		t.Errorf("%v of the rate, %d epochs for %d", r, fm.Train.Epochs, deep.Train.Epochs)
	}
	if fm.Model.Factors != factors || fm.Model.Hidden != nil || len(deep.Model.Hidden) != 2 {
		t.Errorf("models %+v and %+v", fm.Model, deep.Model)
	}
	if named := of("fm", "train: {epochs: 1, optimizer: {kind: adam}}"); *named.Train.Optimizer.L2 != 0 {
		t.Errorf("a penalty of %v of an optimizer that is named", *named.Train.Optimizer.L2)
	}
}

// Every default that was used stands in run.yaml, which trains the same model again, with any number of threads.
func TestDefaultsAreWritten(t *testing.T) {
	path := tableFile(t, 400)
	for target, want := range map[string][]string{
		"y":      {"dropout: 0.5", "batch: 32", "epochs: 55", "learning_rate: 0.000707", "patience: 18"},
		"amount": {"dropout: 0.1", "batch: 32", "epochs: 60", "learning_rate: 0.00283", "patience: 20"},
		"k":      {"dropout: 0.3", "input_dropout: 0.1", "batch: 32", "epochs: 60", "learning_rate: 0.00283", "patience: 20"},
	} {
		text := fmt.Sprintf("seed: 2\nthreads: 3\ndata: {source: {path: PATH}, target: %s, ignore: [id]}\n", target)
		o := train(t, configure(t, path, text))
		file := filepath.Join(o.Folder, runfolder.ConfigFile)
		written := read(t, file)
		for _, key := range append(want, "wide: true", "weight_decay: ", "kind: cosine", "warmup_epochs: 0.5", "kind: adamw", "buckets: 128", "bins: 16", "min_count: 5", "codes: categories", "embedding: 4") {
			if !strings.Contains(written, key) {
				t.Errorf("%s: run.yaml lacks %q:\n%s", target, key, written)
			}
		}
		c, err := load(file, []string{"threads=1", "name=again"})
		if err != nil {
			t.Fatal(err)
		}
		again := train(t, c)
		const parameters = "model/parameters.safetensors"
		if read(t, filepath.Join(o.Folder, parameters)) != read(t, filepath.Join(again.Folder, parameters)) {
			t.Errorf("%s: run.yaml and another number of threads made another model", target)
		}
		if r := read(t, filepath.Join(again.Folder, runfolder.ConfigFile)); strings.ReplaceAll(strings.ReplaceAll(r, "name: again", "name: r"), "threads: 1", "threads: 3") != written {
			t.Errorf("%s: run.yaml\n%s\nhas become\n%s", target, written, r)
		}
	}
}

// A network of more than two classes has a temperature where there are rows enough to learn it on and nothing is said of decisions.
func TestClassesHaveATemperature(t *testing.T) {
	large, small := tableFile(t, 2100), tableFile(t, 1900)
	for name, c := range map[string]struct {
		path, text string
		want       bool
	}{
		"classes":        {large, "data: {source: {path: PATH}, target: k}", true},
		"few rows":       {small, "data: {source: {path: PATH}, target: k}", false},
		"two classes":    {large, "data: {source: {path: PATH}, target: y}", false},
		"said":           {large, "data: {source: {path: PATH}, target: k}\ndecision: {calibration: none}", false},
		"linear":         {large, "data: {source: {path: PATH}, target: k}\nmodel: {kind: linear}", false},
		"no validation":  {large, "data: {source: {path: PATH}, target: k, split: {validation: 0}}", false},
		"said of inputs": {large, "data: {source: {path: PATH}, target: k}\nmodel: {input_dropout: 0}", true},
	} {
		text := c.text
		if !strings.Contains(text, "linear") {
			text += "\ntrain: {epochs: 1}\n"
		}
		o := train(t, configure(t, c.path, text))
		written := read(t, filepath.Join(o.Folder, runfolder.ConfigFile))
		if strings.Contains(written, "calibration: temperature") != c.want || strings.Contains(o.Result.Protocol, "temperature") != c.want {
			t.Errorf("%s: %q, and run.yaml is\n%s", name, o.Result.Protocol, written)
		}
		if said := name == "said of inputs"; said && strings.Contains(written, "input_dropout: 0.1") {
			t.Errorf("%s: run.yaml is\n%s", name, written)
		}
	}
}

// What a file says is left as it is.
func TestDefaultsGiveWay(t *testing.T) {
	c := configure(t, "data.csv", `
data:
  source: {path: PATH}
  target: y
  defaults: {numeric: {bins: 40, transform: none}, categorical: {min_count: 2}}
model: {hidden: [{units: 3}]}
`)
	n := c.Data.Defaults.Numeric
	if n.Bins != 40 || n.Buckets != 0 || !slices.Equal(n.Transform, configfile.Strings{encoding.TransformNone}) || c.Data.Defaults.Categorical.MinCount != 2 {
		t.Errorf("columns: %+v", c.Data.Defaults)
	}
	if c.Model.Wide != nil || len(c.Model.Hidden) != 1 {
		t.Errorf("model: %+v", c.Model)
	}
	linear := configure(t, "data.csv", "data: {source: {path: PATH}, target: y}\nmodel: {kind: linear}\n").Data
	if d := linear.Defaults; !slices.Equal(d.Numeric.Encoding, configfile.Strings{encoding.EncodingNone}) || d.Categorical.MinCount != 1 || linear.Codes != "" {
		t.Errorf("of linear models: %+v", linear)
	}
}

// Whole numbers that name things are categories for a network, and numbers for a linear model.
func TestCodesAreCategories(t *testing.T) {
	var rows strings.Builder
	rows.WriteString("store,price,sales\n")
	for i := range 200 {
		fmt.Fprintf(&rows, "%d,%d,%d\n", i%7, i%11, (i%7*5)%7*10+i%11)
	}
	path := filepath.Join(t.TempDir(), "sales.csv")
	if err := os.WriteFile(path, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for section, warned := range map[string]bool{"train: {epochs: 1}": false, "data: {codes: numbers}\ntrain: {epochs: 1}": true, "model: {kind: linear}": true} {
		head, found := strings.CutPrefix(section, "data: {codes: numbers}\n")
		codes := ""
		if found {
			codes = ", codes: numbers"
		}
		o := train(t, configure(t, path, "data: {source: {path: PATH}, target: sales, task: regression"+codes+"}\n"+head))
		if got := slices.ContainsFunc(o.Result.Warnings, func(w warning.Warning) bool { return strings.Contains(w.String(), "stand for things") }); got != warned {
			t.Errorf("%s: warned of a code: %v", section, got)
		}
		category := slices.ContainsFunc(open(t, o.Folder).Encoder.Columns, func(c encoding.ColumnEncoding) bool {
			return c.Name == "store" && c.Type == table.TypeCategorical
		})
		written := strings.Contains(read(t, filepath.Join(o.Folder, runfolder.ConfigFile)), "store:\n")
		if category == warned || written == warned {
			t.Errorf("%s: store is a category: %v, and written as one: %v", section, category, written)
		}
	}
}

package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Table is what scikit-learn's models are fitted on: rest.csv, and test.csv to score, in one folder.
type Table struct {
	Target  string `json:"target"`
	Task    string `json:"task"` // regression, or another
	Columns any    `json:"columns"`
}

// Models of scikit-learn, with their own defaults.
const (
	Trees        = "hgb"         // HistGradientBoosting; texts and codes are categories, up to 255 of them
	TreesNumbers = "hgb_numbers" // the same, of numbers alone
	Logistic     = "linear"      // LogisticRegression; Ridge for numbers
	Perceptron   = "mlp"         // MLPClassifier, MLPRegressor
)

// Sklearn finds the Python that has scikit-learn and pandas, or returns an error that matches ErrAbsent.
func Sklearn(ctx context.Context) (string, error) {
	return findPython(ctx, "scikit-learn and pandas", "python3-sklearn and python3-pandas", "sklearn", "pandas")
}

// FitSklearn fits a model on the table in a folder, on one thread, in a process of its own. It returns the measures of the test
// rows, and the process's seconds of CPU, also without those of loading its libraries, and its most memory.
func FitSklearn(ctx context.Context, python, folder string, t Table, model string) (values map[string]float64, version string, err error) {
	spec, err := json.Marshal(t)
	if err != nil {
		return nil, "", fmt.Errorf("peers: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "tables.json"), spec, 0o600); err != nil {
		return nil, "", fmt.Errorf("peers: %w", err)
	}
	script, err := unpack(folder, "sklearn_tables.py")
	if err != nil {
		return nil, "", err
	}
	p, err := start(ctx, libraries{openBLAS: 1, openMP: 1}, python, script, folder, model)
	if err != nil {
		return nil, "", err
	}
	defer p.Close()
	a, err := p.ask("fit")
	if err != nil {
		return nil, "", err
	}
	return a.Values, p.Version() + ", " + p.Settings(), nil
}

package behavior

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/prepare"
	"debut/datasets/storefront/history"
	"debut/trainers/run"
)

// The example of purchases prepares and trains as it stands, on a small shop. Its figures on a larger one are in its comment.
func TestPurchases(t *testing.T) {
	dir := t.TempDir()
	shop := filepath.Join(dir, "shop")
	cfg := history.Default()
	cfg.Users, cfg.Items, cfg.Events = 300, 100, 25_000
	if _, err := history.Write(context.Background(), shop, cfg, history.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHOP", shop)
	file, err := configfile.Open(filepath.Join("examples", "purchases-prepare.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var data prepare.Config
	if err := file.Decode(&data); err != nil {
		t.Fatal(err)
	}
	if _, err := prepare.Run(context.Background(), &data, prepare.Options{BaseDir: "examples"}); err != nil {
		t.Fatal(err)
	}
	c, err := load(filepath.Join("examples", "purchases.yaml"), []string{fmt.Sprintf("output=%q", filepath.Join(dir, "runs"))})
	if err != nil {
		t.Fatal(err)
	}
	o, err := run.Train(context.Background(), c, run.Options{ConfigPath: "purchases.yaml", Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if auc := metric(t, o, run.PartTest, "auc"); auc < 0.62 {
		t.Errorf("AUC %.4f", auc)
	}
}

package behavior

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"debut/trainers/run"
)

func TestAugmentedTraining(t *testing.T) {
	path := tableFile(t, 900)
	text := `
seed: 3
data: {source: {path: PATH}, target: y, id: id, ignore: [k, amount, w%s]}
model: {hidden: [{units: 16}]}
train: {epochs: 6, batch: 64, optimizer: {learning_rate: 0.02}, augment: %s, early_stopping: {metric: auc, patience: 6}}
checkpoint: {every_steps: 5}
`
	plain := train(t, configure(t, path, fmt.Sprintf(text, "", "{}")))
	for _, augment := range []string{"{noise: 0.1, mask: 0.1}", "{mixup: 0.3}"} {
		ignore := ""
		if strings.Contains(augment, "mixup") {
			ignore = ", city"
		}
		described := fmt.Sprintf(text, ignore, augment)
		whole := train(t, configure(t, path, described))
		sameRun(t, interruptedRun(t, configure(t, path, described), 7, 20, 3), whole)
		if read(t, filepath.Join(whole.Folder, "model", parametersFile)) == read(t, filepath.Join(plain.Folder, "model", parametersFile)) {
			t.Errorf("%s changes nothing", augment)
		}
		if auc, ok := whole.Result.Metrics[run.PartTest].Values.Get("auc"); !ok || auc < 0.6 {
			t.Errorf("%s: AUC %v", augment, auc)
		}
	}
	for augment, want := range map[string]string{"{mixup: 0.3}": "categories cannot be mixed", "{mask: 1}": "train.augment.mask", "{noise: -1}": "train.augment.noise"} {
		c, err := Parse("run.yaml", []byte("output: "+t.TempDir()+strings.ReplaceAll(fmt.Sprintf(text, "", augment), "PATH", path)), nil)
		if err == nil {
			_, err = run.Train(t.Context(), c, run.Options{ConfigPath: "run.yaml"})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", augment, err)
		}
	}
}

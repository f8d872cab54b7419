package neighbors_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
)

// A model of earlier events and later events give, file by file, what all events together give: of users and items of both, of those of one alone, and of
// pairs that are in both.
func TestInitFrom(t *testing.T) {
	dir := recommendertest.Events(t, 60)
	all := recommendertest.Read(t, filepath.Join(dir, "events.csv"))
	header, body, _ := strings.Cut(all, "\n")
	lines := strings.SplitAfter(strings.TrimSuffix(body, "\n")+"\n", "\n")
	lines = lines[:len(lines)-1]
	half := len(lines) * 3 / 4
	again := strings.Join(lines[:20], "") // pairs of before, again
	recommendertest.Write(t, filepath.Join(dir, "old.csv"), header+"\n"+strings.Join(lines[:half], ""))
	recommendertest.Write(t, filepath.Join(dir, "new.csv"), header+"\n"+again+strings.Join(lines[half:], ""))
	recommendertest.Write(t, filepath.Join(dir, "all.csv"), header+"\n"+strings.Join(lines, "")+again)
	text := func(name, file, kind, more string) string {
		return fmt.Sprintf("family: neighbors\nname: %s\ndata: {sources: [{path: %s.csv}], split: {method: none}}\nmodel: {kind: %s}\n%s", name, file, kind, more)
	}
	for _, kind := range []string{"item", "user", "ease", "slim", "spectral"} {
		before := train(t, dir, text(kind+"1", "old", kind, ""), run.Options{})
		after := train(t, dir, text(kind+"2", "new", kind, "init_from: "+before.Folder+"\n"), run.Options{})
		whole := train(t, dir, text(kind+"3", "all", kind, ""), run.Options{})
		got, want := recommendertest.Contents(t, after), recommendertest.Contents(t, whole)
		same := 0
		for name, content := range want {
			if !strings.HasSuffix(name, ".safetensors") && !strings.HasSuffix(name, ".ids") {
				continue
			}
			if same++; got[name] != content {
				t.Errorf("%s: %s is another than of all events at once", kind, name)
			}
		}
		if same < 4 {
			t.Errorf("%s: %d files are compared", kind, same)
		}
		if !strings.Contains(after.Result.Protocol, "begun with ") || !strings.Contains(after.Result.Protocol, before.Folder) {
			t.Errorf("%s", after.Result.Protocol)
		}
	}
	forgotten := train(t, dir, text("forgotten", "old", "item", "keep_seen: false\n"), run.Options{})
	before := filepath.Join(dir, "runs", "item1")
	for name, c := range map[string]struct{ more, want string }{
		"none":      {"init_from: runs/none\n", "no such file"},
		"file":      {"init_from: w.safetensors\n", "the folder of a run has; name that"},
		"forgetful": {"init_from: " + forgotten.Folder + "\n", "keep_seen: false"},
		"otherwise": {"init_from: " + before + "\n", "aggregate: sum"},
	} {
		config := text(name, "new", "item", c.more)
		if name == "otherwise" {
			config = strings.Replace(config, "split:", "aggregate: max, split:", 1)
		}
		if _, err := start(t.Context(), t, dir, config, run.Options{}); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "init_from") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

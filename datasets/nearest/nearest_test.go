package nearest

import "testing"

func TestOf(t *testing.T) {
	keys := []string{"batch", "epochs", "learning_rate", "optimizer", "f1", "auc", "log_loss"}
	for _, c := range []struct{ name, want string }{
		{"bacth", "batch"},
		{"Batch", "batch"},
		{"batches", "batch"},
		{"optimiser", "optimizer"},
		{"lerning_rate", "learning_rate"},
		{"learning", "learning_rate"},
		{"logloss", "log_loss"},
		{"zzz", ""},
		{"", ""},
		{"x", ""},
	} {
		got, ok := Of(c.name, keys)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("Of(%q) = %q, %v; want %q", c.name, got, ok, c.want)
		}
	}
	if got := DidYouMean("bacth", keys); got != `; did you mean "batch"?` {
		t.Errorf("DidYouMean = %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"ab", "ba", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := distance([]rune(c.a), []rune(c.b)); got != c.want {
			t.Errorf("distance(%q, %q) = %d; want %d", c.a, c.b, got, c.want)
		}
	}
}

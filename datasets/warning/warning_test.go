package warning

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
)

// A list survives JSON, and the sentences of earlier versions are read as messages.
func TestJSON(t *testing.T) {
	list := List{
		Warning{Name: Codes, Column: "store", Message: "m", Remedy: "r"}.With("share", 0.5).With("rows", 2).With("none", math.NaN()).With("endless", math.Inf(1)),
		{Message: "plain"},
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	if want := `[{"name":"codes","column":"store","message":"m","remedy":"r","numbers":{"rows":2,"share":0.5}},{"message":"plain"}]`; string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
	var back List
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, list) {
		t.Errorf("%v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`["a sentence; what to do"]`), &back); err != nil || !reflect.DeepEqual(back, List{{Message: "a sentence; what to do"}}) {
		t.Errorf("of an earlier version: %v, %v", back, err)
	}
}

func TestText(t *testing.T) {
	list := List{{Name: Codes, Message: "m", Remedy: "r"}, {Message: "plain"}}
	var b bytes.Buffer
	list.Log(slog.New(slog.NewTextHandler(&b, nil)))
	if got := b.String(); list.String() != "m; r\nplain" || !strings.Contains(got, `msg="m; r" warning=codes`) || strings.Count(got, "warning=") != 1 {
		t.Errorf("%q, logged %s", list, got)
	}
	if got := list.Named(Codes); len(got) != 1 || got[0].Remedy != "r" {
		t.Errorf("%v", got)
	}
}

// A number is added to a copy: a warning may be in several lists.
func TestWith(t *testing.T) {
	one := Warning{}.With("a", 1)
	two := one.With("b", 2)
	if len(one.Numbers) != 1 || len(two.Numbers) != 2 {
		t.Errorf("%v, %v", one.Numbers, two.Numbers)
	}
}

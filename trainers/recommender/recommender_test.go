package recommender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/interactions"
	"debut/datasets/table"
	"debut/kernels/pool"
	"debut/trainers/model"
	"debut/trainers/ranking"
)

// vocabulary is one of n ids.
func vocabulary(t testing.TB, prefix string, n int) *interactions.Vocabulary {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s%05d", prefix, i)
	}
	v, err := interactions.NewVocabulary(ids)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// rows is a matrix of so many items, each with the value 1.
func rows(items int, lists ...[]int32) *interactions.Matrix {
	m := empty(len(lists), items)
	for u, list := range lists {
		m.Indices = append(m.Indices, list...)
		m.Offsets[u+1] = m.Len()
	}
	m.Values = make([]float32, len(m.Indices))
	for i := range m.Values {
		m.Values[i] = 1
	}
	return m
}

// least scores the items of low numbers best, and counts whom it is asked about.
type least struct {
	items int
	asked map[int32]bool
}

func (s *least) Items() int { return s.items }

func (s *least) Score(users []int32, out []float32) error {
	for k, u := range users {
		s.asked[u] = true
		for i := range s.items {
			out[k*s.items+i] = float32(-i)
		}
	}
	return nil
}

// shop is one of some users, of whom the last two have nothing.
func shop(t testing.TB) *Model {
	t.Helper()
	m := &Model{Shop: &Shop{Users: vocabulary(t, "u", 5), Items: vocabulary(t, "i", 4)}, Config: interactions.Config{}}
	m.Histories = rows(4, []int32{0, 3}, []int32{3}, []int32{1, 3}, nil, nil)
	m.Ties = ranking.NewTies(4, m.Shop.Items.ID)
	m.Scorer = &least{4, map[int32]bool{}}
	m.Evaluation.SetDefaults()
	return m
}

func collect(t testing.TB, m *Model, r model.Request) (all []model.List) {
	t.Helper()
	for l, err := range m.Recommend(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

func TestRecommend(t *testing.T) {
	m := shop(t)
	for _, c := range []struct {
		request model.Request
		want    []string
	}{
		{model.Request{Users: []string{"u00000"}, K: 2}, []string{"u00000 known i00001 i00002"}},
		{model.Request{Users: []string{"u00000"}, K: 2, Seen: true}, []string{"u00000 known i00000 i00001"}},
		{model.Request{Users: []string{"u00002", "?", "u00001", "u00002"}, K: 9}, []string{
			"u00002 known i00000 i00002", "? i00003", "u00001 known i00000 i00001 i00002", "u00002 known i00000 i00002"}},
		{model.Request{K: 1}, []string{"u00000 known i00001", "u00001 known i00000", "u00002 known i00000", "u00003 i00003", "u00004 i00003"}},
	} {
		got := collect(t, m, c.request)
		if len(got) != len(c.want) {
			t.Fatalf("%+v: %d lists", c.request, len(got))
		}
		for k, l := range got {
			text := l.User
			if l.Known {
				text += " known"
			}
			if text += " " + strings.Join(l.Items, " "); !strings.HasPrefix(text, c.want[k]) || l.Known && text != c.want[k] || len(l.Scores) != len(l.Items) {
				t.Errorf("%+v: %q with %v, want %q", c.request, text, l.Scores, c.want[k])
			}
		}
	}
	for _, k := range []int{0, -1, maxList + 1} {
		for _, err := range m.Recommend(t.Context(), model.Request{K: k}) {
			if err == nil || !strings.Contains(err.Error(), "give a number from 1") {
				t.Errorf("k %d: %v", k, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range m.Recommend(ctx, model.Request{K: 1}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
	}
}

// Items count as had by the kinds of event that are asked for.
func TestSeenBy(t *testing.T) {
	m := shop(t)
	r := model.Request{Users: []string{"u00000"}, K: 4, SeenBy: []string{"buy"}}
	for _, err := range m.Recommend(t.Context(), r) {
		if err == nil || !strings.Contains(err.Error(), "does not know by which kinds of event") {
			t.Errorf("without kinds: %v", err)
		}
	}
	m.Kinds, m.Histories.Events = []string{"buy", "view"}, []uint16{1, 2, 2, 3, 3}
	for _, c := range []struct {
		by   []string
		want string
	}{{nil, "i00001 i00002"}, {[]string{"buy"}, "i00001 i00002 i00003"}, {[]string{"view"}, "i00000 i00001 i00002"}, {[]string{"view", "buy"}, "i00001 i00002"}} {
		r.SeenBy = c.by
		if got := strings.Join(collect(t, m, r)[0].Items, " "); got != c.want {
			t.Errorf("by %v: %s, want %s", c.by, got, c.want)
		}
	}
	for want, r := range map[string]model.Request{
		`"buys"; there are "buy", "view"; did you mean "buy"?`: {K: 1, SeenBy: []string{"buys"}},
		"ask for one of these":                                 {K: 1, SeenBy: []string{"buy"}, Seen: true},
		"leave the kinds out":                                  {K: 1, SeenBy: []string{"buy"}, Histories: &model.Histories{Users: m.Shop.Users, Items: m.Histories}},
	} {
		for _, err := range m.Recommend(t.Context(), r) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
}

// Lists come block by block: who stops early does not have the rest made, and what comes later is as what comes first.
func TestRecommendInBlocks(t *testing.T) {
	const users = 2*block + 10
	m := &Model{Shop: &Shop{Users: vocabulary(t, "u", users), Items: vocabulary(t, "i", 3)}, Pool: pool.New(2)}
	defer m.Pool.Close()
	lists := make([][]int32, users)
	for u := range lists {
		lists[u] = []int32{int32(u % 3)}
	}
	m.Histories = rows(3, lists...)
	m.Ties = ranking.NewTies(3, m.Shop.Items.ID)
	s := &least{3, map[int32]bool{}}
	m.Scorer = s
	n := 0
	for _, err := range m.Recommend(t.Context(), model.Request{K: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 5 {
			break
		}
	}
	if len(s.asked) != block {
		t.Errorf("for 5 lists %d were made", len(s.asked))
	}
	all := collect(t, m, model.Request{K: 1})
	if len(all) != users {
		t.Fatalf("%d lists", len(all))
	}
	for u, l := range all {
		if want := []string{"i00001", "i00000", "i00000"}[u%3]; l.User != m.Shop.Users.ID(u) || l.Items[0] != want {
			t.Fatalf("list %d is %+v", u, l)
		}
	}
}

// Evaluation measures the lists that are recommended: who has no history gets what most have.
func TestPopularForStrangers(t *testing.T) {
	m := shop(t)
	truth := rows(4, nil, nil, nil, []int32{3}, []int32{0})
	r, _, err := measure(t.Context(), m.Scorer, nil, m.Histories, truth, m.Histories, Evaluation{Cutoffs: []int{1}}, m.Ties, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Item 3 is that of most: one of the two users finds it; by numbers, the other would.
	if hit, err := r.Get("hit_rate@1"); err != nil || hit != 0.5 {
		t.Errorf("%v, %v", hit, err)
	}
}

// A source is read as the run's own were, where nothing else is said.
func TestReading(t *testing.T) {
	var cfg interactions.Config
	cfg.Sources = []interactions.Source{{Path: configfile.Strings{"a.csv"}, Delimiter: ";", Encoding: "latin-1", Columns: interactions.Columns{User: "who", Item: "what", Event: "did"}}}
	cfg.Columns = interactions.Columns{Value: "stars"}
	cfg.Weights = map[string]float64{"view": 0, "buy": 1}
	cfg.SetDefaults()
	m := &Model{Config: cfg}
	got := m.reading(table.Source{Path: configfile.Strings{"b.parquet"}}, m.measured(), false)
	if s := got.Sources[0]; s.Delimiter != ";" || s.Encoding != "latin-1" || s.Comment != "" || s.Format != "auto" || got.Columns != (interactions.Columns{User: "who", Item: "what", Event: "did"}) || got.Weights["buy"] != 1 {
		t.Errorf("%+v", got)
	}
	cfg.Weights = nil // every event counts, whatever its kind
	m.Config = cfg
	if got = m.reading(table.Source{Path: configfile.Strings{"b.csv"}, Delimiter: ",", Comment: "%", Encoding: "utf-16"}, m.measured(), false); got.Columns.Event != "" || got.Sources[0].Delimiter != "," || got.Sources[0].Encoding != "utf-16" || got.Sources[0].Comment != "%" {
		t.Errorf("%+v", got)
	}
	cfg.Test = []interactions.Source{{Path: configfile.Strings{"t.txt.gz"}, Format: "log"}}
	m.Config = cfg
	for file, format := range map[string]string{"x.txt.gz": "log", "x": "log", "x.csv.zst": "auto", "x.PARQUET": "auto"} {
		if got = m.reading(table.Source{Path: configfile.Strings{file}, Format: "auto"}, m.measured(), false); got.Sources[0].Format != format {
			t.Errorf("%s is read as %s", file, got.Sources[0].Format)
		}
	}
	if got = m.reading(table.Source{Path: configfile.Strings{"x.txt"}, Format: "csv"}, m.measured(), false); got.Sources[0].Format != "csv" || got.Sources[0].Delimiter != "" {
		t.Errorf("%+v", got.Sources[0])
	}
}

// A section comes back from model.json as it was, whatever its texts are, and is there under the keys of run files.
func TestSection(t *testing.T) {
	var s, back Section[interactions.Config]
	s.Value = interactions.Config{
		Sources:   []interactions.Source{{Path: configfile.Strings{"a b.csv", "ä\"\\\t😀.csv", "${X:-#}: -", "007", "true", "null", "<&>\u2028"}, Delimiter: "\t", Header: new(false), Names: []string{"1", "~"}}},
		Weights:   map[string]float64{"view": 0.1, "buy": 3e9, "no": 0, "1": 1},
		Aggregate: "once", DropMissing: true, Split: interactions.Split{Method: "random", Validation: new(0.0), Test: new(1.0 / 3)},
	}
	s.Value.SetDefaults()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if !reflect.DeepEqual(back, s) {
		t.Errorf("%+v, want %+v: %s", back, s, text)
	}
	for _, key := range []string{`"sources"`, `"drop_missing":true`, `"validation":0`} {
		if !strings.Contains(string(text), key) {
			t.Errorf("%s lacks %s", text, key)
		}
	}
	if err := json.Unmarshal([]byte(strings.Replace(string(text), "drop_missing", "drop_misssing", 1)), &back); err == nil || !strings.Contains(err.Error(), `did you mean "drop_missing"`) {
		t.Errorf("an unknown key: %v", err)
	}
}

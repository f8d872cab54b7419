package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/trainers/model"
	"debut/trainers/serve"
)

// Lists are those of the model, for users it knows and others, and by what they did since.
func TestRecommend(t *testing.T) {
	for name, text := range map[string]string{"als": alsRun, "neighbors": neighborsRun} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			folder := shopping(t, dir, text)
			m := open(t, folder)
			s := serving(t, serve.Options{Sources: []serve.Source{{Name: "lists", Path: folder}}})
			wanted := func(r model.Request) (lists []model.List) {
				for l, err := range m.(model.Recommender).Recommend(context.Background(), r) {
					if err != nil {
						t.Fatal(err)
					}
					lists = append(lists, l)
				}
				return lists
			}
			same := func(what string, got, want []model.List) {
				t.Helper()
				a, _ := json.Marshal(got)
				b, _ := json.Marshal(want)
				if !bytes.Equal(a, b) {
					t.Errorf("%s: %s, the model gives %s", what, a, b)
				}
			}
			users := []string{"u1", "u7", "nobody", "u33"}
			var got listed
			post(t, s, "/recommend", map[string]any{"users": users, "k": 5}, &got)
			same("lists", got.Lists, wanted(model.Request{Users: users, K: 5}))

			got = listed{}
			post(t, s, "/models/lists/recommend", map[string]any{"histories": map[string]any{"new": []any{map[string]any{"item": "i3", "event": "buy"}, map[string]any{"item": "i5", "event": "view"}}}, "k": 5}, &got)
			history := filepath.Join(dir, "history.csv")
			if err := os.WriteFile(history, []byte("user,item,event\nnew,i3,buy\nnew,i5,view\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			h, _, err := m.(model.Folder).ReadHistories(context.Background(), table.Source{Path: configfile.Strings{history}}, "")
			if err != nil {
				t.Fatal(err)
			}
			folded := wanted(model.Request{Users: []string{"new"}, Histories: h, K: 5})
			same("histories", got.Lists, folded)

			if w := ask(s, "POST", "/recommend", []byte(`{"users": ["u1"]}`), "Content-Encoding", "IDENTITY"); w.Code != 200 {
				t.Errorf("as it is, in capitals: %d %s", w.Code, w.Body)
			}
			// An empty history is one, whatever the model knows of the user; of others in the request it knows what it knows.
			got = listed{}
			post(t, s, "/recommend", map[string]any{"users": []string{"u7", "u1"}, "histories": map[string]any{"u7": []any{}}, "k": 5}, &got)
			strangers := wanted(model.Request{Users: []string{"nobody", "u1"}, K: 5})
			strangers[0].User = "u7"
			same("an empty history", got.Lists, strangers)
			got = listed{}
			post(t, s, "/recommend", map[string]any{"histories": map[string]any{"new": []any{map[string]any{"item": "i3", "event": "buy"}, map[string]any{"item": "i5", "event": "view"}}, "u7": []any{}}, "k": 5}, &got)
			same("an empty history beside another", got.Lists, []model.List{folded[0], strangers[0]})

			var taken struct{ Taken, Held int }
			post(t, s, "/events", map[string]any{"events": []any{map[string]any{"user": "new", "item": "i3", "event": "buy"}, map[string]any{"user": "new", "item": "i5", "event": "view"}}}, &taken)
			got = listed{}
			post(t, s, "/recommend", map[string]any{"users": []string{"new"}, "k": 5}, &got)
			same("events", got.Lists, folded)
			if taken.Taken != 2 || taken.Held != 2 {
				t.Errorf("taken %+v", taken)
			}

			// What a user did since is beside what the model knows of him: he is not shown it again.
			before := listed{}
			post(t, s, "/recommend", map[string]any{"users": []string{"u7"}, "k": 5}, &before)
			top := before.Lists[0].Items[0]
			post(t, s, "/events", map[string]any{"events": []any{map[string]any{"user": "u7", "item": top, "event": "view"}}}, &taken)
			got = listed{}
			post(t, s, "/recommend", map[string]any{"users": []string{"u7"}, "k": 40}, &got)
			seen := map[string]bool{}
			for _, l := range wanted(model.Request{Users: []string{"u7"}, K: 40}) {
				for _, i := range l.Items {
					seen[i] = true
				}
			}
			if l := got.Lists[0]; !l.Folded || len(l.Items) != len(seen)-1 {
				t.Errorf("after an event %d items, folded %v; %d before", len(l.Items), l.Folded, len(seen))
			}
			for _, i := range got.Lists[0].Items {
				if i == top || !seen[i] {
					t.Errorf("item %s, which the user has, is listed", i)
				}
			}

			got = listed{}
			post(t, s, "/similar", map[string]any{"items": []string{"i3"}, "k": 4}, &got)
			l, err := m.(model.Similarer).Similar("i3", 4)
			if err != nil {
				t.Fatal(err)
			}
			same("similar", got.Lists, []model.List{l})

			// The audience of an item are the users who have it highest in the lists of all items.
			var audience struct {
				Users  []string
				Scores []float32
			}
			post(t, s, "/audience", map[string]any{"item": "i3", "k": 5}, &audience)
			score := map[string]float32{}
			for _, l := range wanted(model.Request{K: 40}) {
				for k, i := range l.Items {
					if i == "i3" {
						score[l.User] = l.Scores[k]
					}
				}
			}
			if len(audience.Users) != min(5, len(score)) {
				t.Errorf("an audience of %v", audience.Users)
			}
			for k, u := range audience.Users {
				higher := 0
				for _, v := range score {
					if v > audience.Scores[k] {
						higher++
					}
				}
				if v, ok := score[u]; !ok || v != audience.Scores[k] || higher > k {
					t.Errorf("user %s, %d in the audience with %v: his list has %v, and %d users a higher score", u, k, audience.Scores[k], v, higher)
				}
			}
		})
	}
}

// Ratings are predicted as debut predict does.
func TestRatings(t *testing.T) {
	dir := t.TempDir()
	folder := shopping(t, dir, ratingRun)
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "ratings", Path: folder}}})
	file := filepath.Join(dir, "pairs.csv")
	if err := os.WriteFile(file, []byte("user,item\nu1,i4\nnobody,i4\nu3,nothing\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := column[float64](t, answers(t, open(t, folder), file), "prediction")
	var got struct {
		Predictions []struct{ Prediction float64 }
	}
	post(t, s, "/predict", map[string]any{"rows": []any{map[string]any{"user": "u1", "item": "i4"}, map[string]any{"user": "nobody", "item": "i4"}, map[string]any{"user": "u3", "item": "nothing"}}}, &got)
	for i, w := range want {
		if got.Predictions[i].Prediction != w {
			t.Errorf("row %d: %v, predict gives %v", i, got.Predictions[i].Prediction, w)
		}
	}
	// An event without a value is no rating of 1.
	if w := ask(s, "POST", "/events", []byte(`{"events": [{"user": "u1", "item": "i4"}]}`)); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "event 1: the value is missing") {
		t.Errorf("an event without a rating: %d %s", w.Code, w.Body)
	}
	if w := ask(s, "POST", "/events", []byte(`{"events": [{"user": "u1", "item": "i4", "value": 4}]}`)); w.Code != http.StatusAccepted {
		t.Errorf("a rating: %d %s", w.Code, w.Body)
	}
}

// Events are bounded: the oldest leave.
func TestEventsAreBounded(t *testing.T) {
	folder := shopping(t, t.TempDir(), neighborsRun)
	s := serving(t, serve.Options{Sources: []serve.Source{{Name: "m", Path: folder}}, Limits: serve.Limits{Events: 50, OfAUser: 10}})
	var taken struct{ Held int }
	for i := range 300 {
		user := fmt.Sprintf("n%d", i/20)
		post(t, s, "/events", map[string]any{"events": []any{map[string]any{"user": user, "item": fmt.Sprintf("i%d", i%40), "event": "view"}}}, &taken)
		if taken.Held > 50 {
			t.Fatalf("%d events are held", taken.Held)
		}
	}
	var got listed
	post(t, s, "/recommend", map[string]any{"users": []string{"n0", "n14"}}, &got)
	if got.Lists[0].Folded || !got.Lists[1].Folded {
		t.Errorf("folded %v and %v", got.Lists[0].Folded, got.Lists[1].Folded)
	}
	// Events are found by what their ids stand for.
	post(t, s, "/events", map[string]any{"events": []any{map[string]any{"user": " n99 ", "item": "i1", "event": "view"}, map[string]any{"user": "12.0", "item": "i1", "event": "view"}}}, &taken)
	post(t, s, "/recommend", map[string]any{"users": []string{"n99", "12"}}, &got)
	if !got.Lists[0].Folded || !got.Lists[1].Folded {
		t.Errorf("of ids that are written otherwise: folded %v and %v", got.Lists[0].Folded, got.Lists[1].Folded)
	}
}

package ranking

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"debut/trainers/metrics"
)

// Task is the task of recommenders, whose metrics are those of ranked lists.
const Task metrics.Task = "ranking"

func init() {
	metrics.Register(Task, metrics.Catalog{
		Metrics: []metrics.Metric{
			{Name: "recall@k", Higher: true}, {Name: "precision@k", Higher: true}, {Name: "hit_rate@k", Higher: true},
			{Name: "ndcg@k", Higher: true}, {Name: "map@k", Higher: true}, {Name: "mrr@k", Higher: true},
			{Name: "coverage@k", Higher: true}, {Name: "gini@k", Higher: false}, {Name: "novelty@k", Higher: true},
			{Name: "auc", Higher: true},
		},
		Headline: []string{"recall@k", "ndcg@k"}, Unit: "users", Plain: plainRemedy,
	})
}

// Result returns the figures of an evaluation as a result of a run.
func (e *Evaluation) Result() *metrics.Result {
	r := &metrics.Result{Task: Task, Rows: len(e.Users), Weight: float64(len(e.Users)), Protocol: e.Protocol}
	r.Groups = e.Groups
	for _, m := range e.Metrics {
		for _, v := range []metrics.Value{
			{Name: "recall@k", Value: m.Recall}, {Name: "precision@k", Value: m.Precision}, {Name: "hit_rate@k", Value: m.HitRate},
			{Name: "ndcg@k", Value: m.NDCG}, {Name: "map@k", Value: m.MAP}, {Name: "mrr@k", Value: m.MRR},
			{Name: "coverage@k", Value: m.Coverage}, {Name: "gini@k", Value: m.Gini}, {Name: "novelty@k", Value: m.Novelty},
		} {
			r.Values = append(r.Values, metrics.Value{Name: metrics.At(v.Name, m.K), Value: v.Value})
		}
	}
	r.Values = append(r.Values, metrics.Value{Name: "auc", Value: e.AUC})
	return r
}

// Sample returns the figures user by user, under keys that tell users apart and what each was to find; users and items name them.
func (e *Evaluation) Sample(users, items func(int) string) *metrics.Sample {
	u := &metrics.Units{}
	for i, user := range e.Users {
		var find []string
		for _, item := range e.relevant.Indices[e.relevant.Offsets[i]:e.relevant.Offsets[i+1]] {
			find = append(find, items(int(item)))
		}
		slices.Sort(find)
		h := sha256.New()
		for _, id := range find {
			h.Write([]byte(strconv.Itoa(len(id)) + " " + id)) // never fails
		}
		u.Keys = append(u.Keys, users(int(user))+" "+hex.EncodeToString(h.Sum(nil)[:16]))
	}
	for i, m := range e.Metrics {
		p := e.PerUser[i]
		for _, v := range []metrics.UnitMetric{
			{Name: "recall@k", Values: p.Recall}, {Name: "precision@k", Values: p.Precision}, {Name: "hit_rate@k", Values: p.Hit},
			{Name: "ndcg@k", Values: p.NDCG}, {Name: "map@k", Values: p.AP}, {Name: "mrr@k", Values: p.RR},
		} {
			v.Name = metrics.At(v.Name, m.K)
			u.Metrics = append(u.Metrics, v)
		}
	}
	u.Metrics = append(u.Metrics, metrics.UnitMetric{Name: "auc", Values: e.AUCs})
	return &metrics.Sample{Task: Task, Units: u}
}

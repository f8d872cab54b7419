package recommender

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/interactions"
	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/datasets/wording"
	"debut/kernels/pool"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/run"
)

// TaskRating is the task of models that predict ratings, measured by how far predictions of ratings that are known are off.
const TaskRating metrics.Task = "rating"

func init() {
	metrics.Register(TaskRating, metrics.Catalog{
		Metrics:  []metrics.Metric{{Name: "mse"}, {Name: "rmse"}, {Name: "mae"}, {Name: "r2", Higher: true}},
		Headline: []string{"rmse", "mae"}, Unit: "ratings", Plain: ratingRemedy,
	})
}

// ratingRemedy is what to do where a model knows less than the mean.
const ratingRemedy = "family: factorization with model: {algorithm: bias, regularization: 100} comes closest to the mean; or give the model more ratings of each user and item"

// Rate predicts the rating of a user and an item, by their numbers; −1 is somebody or something unknown, and the other alone decides.
type Rate func(user, item int32) float64

// LoadRatings is Load for a model of ratings, which are the values of the interactions.
func LoadRatings(ctx context.Context, cfg *interactions.Config, env *run.Env, seed uint64, from *Earlier) (*Data, error) {
	return load(ctx, cfg, Evaluation{}, env, seed, TaskRating, from)
}

// CheckRatings reports what cannot be a source of ratings, with the path in the data section, whose defaults are set.
func CheckRatings(c *interactions.Config) error {
	for _, list := range []struct {
		path    string
		sources []interactions.Source
	}{{"sources", c.Sources}, {"validation", c.Validation}, {"test", c.Test}} {
		for i, s := range list.sources {
			switch {
			case s.Format == "adjacency":
				return configfile.Errorf(fmt.Sprintf("%s[%d].format", list.path, i), "an adjacency list has no ratings; give a table or a log, or a model of what users have: model: {algorithm: als}")
			case s.Format != "log" && s.Columns.Value == "":
				return configfile.Errorf("columns.value", "the model is of ratings, and it is not said which column they are; name it, columns: {value: rating}, or train a model of what users have: model: {algorithm: als}")
			}
		}
	}
	return nil
}

// surveyRatings looks for pairs with several ratings, and for ratings that say nothing.
func (d *Data) surveyRatings() {
	pairs := 0
	for _, m := range d.Dataset.Parts() {
		if m == nil {
			continue
		}
		for k := range m.Len() {
			if m.Count(k) > 1 {
				pairs++
			}
		}
	}
	if pairs > 0 {
		come := map[string]string{interactions.AggregateMean: "their mean counts", interactions.AggregateLast: "the latest counts", interactions.AggregateMax: "the highest counts"}[d.cfg.Aggregate]
		w := warning.Warning{
			Name: warning.Read, Message: fmt.Sprintf("%d pairs of a user and an item have several ratings; %s", pairs, cmp.Or(come, "their "+d.cfg.Aggregate+" counts")),
			Remedy: "where ratings have times, data: {aggregate: last} with columns: {time: …} lets the latest count",
		}
		if d.cfg.Aggregate == interactions.AggregateLast {
			w.Remedy = ""
		}
		d.news = append(d.news, w.With("pairs", float64(pairs)))
	}
	if least, most := slices.Min(d.Train.Values), slices.Max(d.Train.Values); least == most {
		d.news = append(d.news, warning.Warning{
			Name: warning.Read, Message: fmt.Sprintf("all %d ratings of the training part are %v: there is nothing to tell users and items apart by", d.Train.Len(), least),
			Remedy: "look whether columns: {value: …} names the column of ratings",
		})
	}
}

// EvaluateRatings measures predictions of the ratings of a part.
func (d *Data) EvaluateRatings(ctx context.Context, rate Rate, part string) (*metrics.Result, error) {
	s, err := sampleRatings(ctx, rate, d.truth(part), Mean(d.Train), d.Pool)
	if err != nil {
		return nil, err
	}
	return s.Measure()
}

// Mean is the mean of the values of a matrix.
func Mean(m *interactions.Matrix) float64 {
	sum := 0.0
	for _, v := range m.Values {
		sum += float64(v)
	}
	return sum / float64(max(m.Len(), 1))
}

// ratingBlock is how many users are predicted for in one go.
const ratingBlock = 1024

// sampleRatings predicts the entries of a matrix, whose rows and columns are the model's users and items; mean is the plain answer.
func sampleRatings(ctx context.Context, rate Rate, truth *interactions.Matrix, mean float64, p *pool.Pool) (*metrics.Sample, error) {
	s := &metrics.Sample{Task: TaskRating, Plain: []float64{mean}, Outputs: make([]float64, truth.Len()), Targets: make([]float64, truth.Len())}
	blocks := (truth.Rows + ratingBlock - 1) / ratingBlock
	pool.Each(p, blocks, func(b int) {
		for u := b * ratingBlock; u < min((b+1)*ratingBlock, truth.Rows) && ctx.Err() == nil; u++ {
			for k := truth.Offsets[u]; k < truth.Offsets[u+1]; k++ {
				s.Outputs[k], s.Targets[k] = rate(int32(u), truth.Indices[k]), float64(truth.Values[k])
			}
		}
	})
	return s, ctx.Err()
}

// evaluateRatings measures predictions of the ratings of a source. Users and items that the model does not know are counted; the other
// of the two alone predicts then.
func (m *Model) evaluateRatings(ctx context.Context, src table.Source, baseDir string) (*metrics.Sample, encoding.EncodeReport, error) {
	var report encoding.EncodeReport
	d, err := m.load(ctx, src, baseDir, m.measured(), true)
	if err != nil {
		return nil, report, err
	}
	t := m.newTranslator()
	s := &metrics.Sample{Task: TaskRating, Plain: []float64{Mean(m.Histories)}}
	for r := range d.Train.Rows {
		items, values := d.Train.Row(r)
		for k, i := range items {
			user, item := t.pair(d.Users.ID(r), d.Items.ID(int(i)))
			s.Outputs, s.Targets = append(s.Outputs, m.Rate(user, item)), append(s.Targets, float64(values[k]))
		}
	}
	report.Rows, report.Unseen = len(s.Outputs), t.unseen()
	return s, report, nil
}

// translator numbers ids of users and items by those of a model, and counts what training has not seen.
type translator struct {
	m           *Model
	trained     []bool // items
	users, gone *encoding.UnseenValues
	seen        [2]map[string]bool
}

func (m *Model) newTranslator() *translator {
	return &translator{m: m, trained: m.trainedItems(), users: &encoding.UnseenValues{Column: "user"}, gone: &encoding.UnseenValues{Column: "item"}, seen: [2]map[string]bool{{}, {}}}
}

// pair returns the numbers of a user and an item, −1 of whom or what training has not seen.
func (t *translator) pair(user, item string) (u, i int32) {
	var ok bool
	if u, ok = t.m.Shop.Users.Index(user); ok {
		items, _ := t.m.Histories.Row(int(u))
		ok = len(items) > 0
	}
	if !ok {
		u = -1
		t.note(0, t.users, user)
	}
	if i, ok = t.m.Shop.Items.Index(item); !ok || !t.trained[i] {
		i = -1
		t.note(1, t.gone, item)
	}
	return u, i
}

func (t *translator) note(side int, to *encoding.UnseenValues, id string) {
	to.Rows++
	if len(to.Examples) < maxExamples && !t.seen[side][id] {
		to.Examples = append(to.Examples, strings.Clone(id))
		t.seen[side][id] = true
	}
}

// unseen is what was counted up to now.
func (t *translator) unseen() []encoding.UnseenValues {
	return []encoding.UnseenValues{*t.users, *t.gone}
}

// Predictor makes a model of ratings one that predicts them for rows of a user and an item.
type Predictor struct{ m *Model }

// PredictorOf is that of a model with a Rate.
func PredictorOf(m *Model) Predictor { return Predictor{m} }

// predictedRows is how many rows are predicted at a time.
const predictedRows = 1 << 16

// IDs names the columns of users and items, which are carried through.
func (p Predictor) IDs() []string {
	c := p.m.columns(p.m.measured())
	return []string{cmp.Or(c.User, "user"), cmp.Or(c.Item, "item")}
}

// Predict hands out the rating of the user and the item of each row. Of somebody or something that training has not seen, the report
// tells: the other alone decides then, and of both the mean.
func (p Predictor) Predict(ctx context.Context, src table.Source, baseDir string, in encoding.Input) iter.Seq2[*model.Predictions, error] {
	ids := p.IDs()
	o := table.ReadOptions{
		Types: map[string]string{table.OtherColumns: table.TypeIgnore}, Needed: ids, Learned: true, Applied: true, Carried: in.Keep, Empty: true,
	}
	for _, id := range ids {
		o.Types[id] = table.TypeCategorical
	}
	return func(yield func(*model.Predictions, error) bool) {
		t := p.m.newTranslator()
		rows := 0
		for f, err := range table.Blocks(ctx, src, baseDir, o, predictedRows) {
			var out *model.Predictions
			if err == nil {
				rows += f.Rows
				out, err = p.predict(f, ids, in, t, rows)
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

// predict answers for some rows, the last of so many.
func (p Predictor) predict(f *table.Frame, ids []string, in encoding.Input, t *translator, rows int) (*model.Predictions, error) {
	columns, absent, err := p.pairs(f, ids, in)
	if err != nil {
		return nil, err
	}
	carried := &encoding.Encoded{}
	for k, name := range ids {
		if !slices.Contains(in.Keep, name) && !slices.Contains(absent, name) {
			carried.Carry(columns[k])
		}
	}
	for _, s := range f.Carried {
		carried.Carry(s)
	}
	ratings := make([]float64, f.Rows)
	for i := range ratings {
		user, item := t.pair(idText(columns[0], i), idText(columns[1], i))
		ratings[i] = p.m.Rate(user, item)
	}
	if err := checkRatings(ratings, f.First); err != nil {
		return nil, err
	}
	out := &model.Predictions{First: f.First, Rows: f.Rows, Report: encoding.EncodeReport{Rows: rows, Unseen: t.unseen(), Absent: absent}}
	for k, name := range ids {
		out.Report.Unseen[k].Column = name
	}
	out.Carry(carried)
	out.Add("prediction", ratings)
	return out, nil
}

// Columns lists the columns of users and items.
func (p Predictor) Columns() []model.Column {
	var list []model.Column
	for _, name := range p.IDs() {
		list = append(list, model.Column{Name: name, Type: table.TypeCategorical})
	}
	return list
}

// EncodeRows looks up the users and items of rows in memory: their numbers are the ids of the block.
func (p Predictor) EncodeRows(_ context.Context, f *table.Frame, in encoding.Input) (encoding.Block, error) {
	ids := p.IDs()
	out := &encoding.Encoded{Rows: f.Rows, F: len(ids), IDs: make([]int32, len(ids)*f.Rows)}
	columns, absent, err := p.pairs(f, ids, in)
	if err != nil {
		return encoding.Block{}, err
	}
	t := p.m.newTranslator()
	for i := range f.Rows {
		out.IDs[2*i], out.IDs[2*i+1] = t.pair(idText(columns[0], i), idText(columns[1], i))
	}
	for k, name := range ids {
		if !slices.Contains(absent, name) {
			out.Carry(columns[k])
		}
	}
	report := encoding.EncodeReport{Rows: f.Rows, Unseen: t.unseen(), Absent: absent}
	for k, name := range ids {
		report.Unseen[k].Column = name
	}
	return encoding.Block{Encoded: out, Report: report}, nil
}

// Score returns the ratings of pairs that EncodeRows has looked up.
func (p Predictor) Score(ctx context.Context, rows *encoding.Encoded) ([]float64, error) {
	ratings := make([]float64, rows.Rows)
	for i := range ratings {
		ratings[i] = p.m.Rate(rows.IDs[2*i], rows.IDs[2*i+1])
	}
	return ratings, ctx.Err()
}

// Answer hands the ratings out.
func (p Predictor) Answer(ratings []float64, b encoding.Block) (*model.Predictions, error) {
	if err := checkRatings(ratings, b.First); err != nil {
		return nil, err
	}
	out := &model.Predictions{First: b.First, Rows: b.Rows, Report: b.Report}
	out.Carry(b.Encoded)
	out.Add("prediction", ratings)
	return out, nil
}

// checkRatings refuses what is no number.
func checkRatings(ratings []float64, first int) error {
	for i, v := range ratings {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("the prediction of row %d is %v; look at the model's training", first+i+1, v)
		}
	}
	return nil
}

// pairs returns the columns of users and items, of missing values where one may be absent.
func (p Predictor) pairs(f *table.Frame, ids []string, in encoding.Input) (columns [2]*table.Series, absent []string, err error) {
	for k, name := range ids {
		if columns[k] = f.Column(name); columns[k] != nil {
			continue
		}
		if f.Rows > 0 && !in.AllowMissing {
			return columns, nil, &table.MissingColumnError{Name: name, Names: f.Available}
		}
		absent = append(absent, name)
		columns[k] = &table.Series{Name: name, Kind: table.Text, Codes: slices.Repeat([]int32{-1}, f.Rows)}
	}
	return columns, absent, nil
}

// idText is the id in a row, "" where it is missing.
func idText(s *table.Series, i int) string {
	if s.Missing(i) {
		return ""
	}
	return strings.TrimSpace(s.Format(i))
}

// PredictPart is run.PartPredictor's of a run file of ratings, with its data section: of each rating of a part the user, the item, the
// rating, and what is predicted. There is nothing else to keep.
func PredictPart(ctx context.Context, h *run.Header, cfg *interactions.Config, m model.Model, baseDir, part string, keep []string) (*run.PartAnswers, error) {
	r, ok := m.(interface{ Recommender() *Model })
	if !ok || m.Family() != h.Family || r.Recommender().Rate == nil {
		return nil, fmt.Errorf("%s: a model of the family %s that is not of ratings", h.Family, m.Family())
	}
	return r.Recommender().predictPart(ctx, h, cfg, baseDir, part, keep)
}

func (m *Model) predictPart(ctx context.Context, h *run.Header, cfg *interactions.Config, baseDir, part string, keep []string) (*run.PartAnswers, error) {
	c := m.columns(m.history())
	names := []string{cmp.Or(c.User, "user"), cmp.Or(c.Item, "item"), cmp.Or(c.Value, "rating")}
	for _, name := range keep {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("a part of ratings has the columns %s, which are written, and no column %s; leave it out", wording.List(names, len(names)), wording.Quote(name))
		}
	}
	data, truth, files, err := m.reload(ctx, cfg, baseDir, h.Seed, part)
	if err != nil {
		return nil, h.Locate(err)
	}
	t := m.newTranslator()
	predictions := func(yield func(*model.Predictions, error) bool) {
		for lo := int64(0); lo < truth.Len(); {
			// Whole users, so many that they have about a block of ratings.
			user := sort.Search(truth.Rows, func(u int) bool { return truth.Offsets[u+1] > lo })
			out := &model.Predictions{First: int(lo)}
			var users, items []string
			var ratings, predicted []float64
			for ; user < truth.Rows && len(users) < predictedRows; user++ {
				list, values := truth.Row(user)
				for k, i := range list {
					u, id := data.Users.ID(user), data.Items.ID(int(i))
					users, items, ratings = append(users, u), append(items, id), append(ratings, float64(values[k]))
					predicted = append(predicted, m.Rate(t.pair(u, id)))
				}
				lo = truth.Offsets[user+1]
			}
			out.Rows = len(users)
			out.Report = encoding.EncodeReport{Rows: int(lo), Unseen: t.unseen()}
			for k, values := range []any{users, items, ratings} {
				out.Add(names[k], values)
			}
			out.Add("prediction", predicted)
			if !yield(out, ctx.Err()) || ctx.Err() != nil {
				return
			}
		}
	}
	return &run.PartAnswers{Predictions: predictions, Files: files, Close: func() {}}, nil
}

// ratingRows are the settings that decide which ratings are in a part of the data, beside the files.
func ratingRows(c *interactions.Config, seed uint64) (map[string]string, error) {
	split, err := configfile.Marshal(c.Split)
	rows := map[string]string{"data.split": string(split), "data.aggregate": c.Aggregate}
	if c.Split.Method == interactions.SplitRandom || c.Split.Method == interactions.SplitLeaveRandomOut {
		rows["seed"] = strconv.FormatUint(seed, 10)
	}
	return rows, err
}

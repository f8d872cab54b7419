package serve

import (
	"context"

	"debut/datasets/encoding"
	"debut/trainers/model"
)

// scoring scores the rows of several requests together: while the model is busy with some, the next gather.
type scoring struct {
	model    *loaded
	together int
	jobs     chan *job
	done     chan struct{}
	measures *measures
	merged   encoding.Encoded // memory of rows that are scored together
}

// job is the rows of a request.
type job struct {
	rows   *encoding.Encoded
	scores []float64
	err    error
	done   chan struct{}
}

func newScoring(l *loaded, limits Limits, m *measures) *scoring {
	s := &scoring{model: l, together: limits.Together, jobs: make(chan *job, limits.Waiting), done: make(chan struct{}), measures: m}
	go s.run()
	return s
}

// close ends the scoring; nobody waits for an answer any more.
func (s *scoring) close() {
	close(s.jobs)
	<-s.done
}

// predict answers for encoded rows.
func (s *scoring) predict(ctx context.Context, b encoding.Block) (*model.Predictions, error) {
	if b.Rows == 0 {
		return s.model.rows.Answer(nil, b)
	}
	j := &job{rows: b.Encoded, done: make(chan struct{})}
	select {
	case s.jobs <- j:
	default:
		return nil, errBusy
	}
	select {
	case <-j.done:
	case <-ctx.Done(): // the rows are scored for nobody
		return nil, ctx.Err()
	}
	if j.err != nil {
		return nil, j.err
	}
	return s.model.rows.Answer(j.scores, b)
}

func (s *scoring) run() {
	defer close(s.done)
	var batch []*job
	for first := range s.jobs {
		batch = append(batch[:0], first)
		rows := first.rows.Rows
	gather:
		for rows < s.together {
			select {
			case j, open := <-s.jobs:
				if !open {
					break gather
				}
				batch = append(batch, j)
				rows += j.rows.Rows
			default:
				break gather
			}
		}
		s.measures.together.Observe(float64(rows))
		s.score(batch)
		clear(batch)
	}
}

// score scores rows of several requests and hands out what each asked for.
func (s *scoring) score(batch []*job) {
	rows := batch[0].rows
	if len(batch) > 1 {
		rows = s.merge(batch)
	}
	<-s.model.gate
	scores, err := s.model.rows.Score(context.Background(), rows)
	s.model.free()
	if err == nil {
		width := len(scores) / max(rows.Rows, 1)
		for _, j := range batch {
			n := j.rows.Rows * width
			j.scores, scores = scores[:n:n], scores[n:]
		}
	}
	for _, j := range batch {
		j.err = err
		close(j.done)
	}
}

// merge lays rows one behind the other.
func (s *scoring) merge(batch []*job) *encoding.Encoded {
	m := &s.merged
	first := batch[0].rows
	m.Rows, m.D, m.F, m.L, m.Numeric, m.IDs, m.Lists, m.ListWeights = 0, first.D, first.F, first.L, m.Numeric[:0], m.IDs[:0], m.Lists[:0], m.ListWeights[:0]
	for _, j := range batch {
		m.Numeric, m.IDs = append(m.Numeric, j.rows.Numeric...), append(m.IDs, j.rows.IDs...)
		m.Lists, m.ListWeights = append(m.Lists, j.rows.Lists...), append(m.ListWeights, j.rows.ListWeights...)
		m.Rows += j.rows.Rows
	}
	return m
}

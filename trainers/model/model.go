// Package model says what a trained model can do, whatever its family. An opened model is a [Model]; its abilities are asked for by
// type assertion, as a device's families of kernels are:
//
//	if p, ok := m.(model.Predictor); ok { … }
package model

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"slices"

	"debut/datasets/encoding"
	"debut/datasets/interactions"
	"debut/datasets/table"
	"debut/trainers/metrics"
)

// Model is a trained model, ready to answer. It is used by one goroutine at a time.
type Model interface {
	Family() string
}

// Evaluator is a model that can be measured on labeled rows.
type Evaluator interface {
	// Task says what is measured.
	Task() metrics.Task
	// Evaluate measures the model on a source, read the way the training rows were. The report tells of values that training
	// did not see.
	Evaluate(ctx context.Context, src table.Source, baseDir string) (*metrics.Result, encoding.EncodeReport, error)
}

// GroupEvaluator is a model that measures how it orders the rows of a group, such as a user's, among themselves.
type GroupEvaluator interface {
	// EvaluatePer is Evaluate, with what is measured by groups: of rows that have the same text in a column, which need be no feature.
	EvaluatePer(ctx context.Context, src table.Source, baseDir, column string) (*metrics.Result, encoding.EncodeReport, error)
}

// Sampler is a model that hands out, row by row, what it is measured by.
type Sampler interface {
	// Sample answers for the rows of a labeled source, read as for Evaluate.
	Sample(ctx context.Context, src table.Source, baseDir string) (*metrics.Sample, encoding.EncodeReport, error)
}

// Decider is a model that decides between two classes by a threshold.
type Decider interface {
	// SetThreshold puts another threshold in the place of the model's own: the probability from which on a row is predicted
	// positive. The error says why it cannot.
	SetThreshold(threshold float64) error
}

// Predictor is a model that answers for each row of a source.
type Predictor interface {
	// Predict hands out the answers for a source in the order of its rows, some at a time, in memory for these: a column of answers
	// or more, behind the columns that are carried through: the id columns of the data, and those that in keeps. A source without rows
	// has answers of no rows. What has been handed out does not change. After an error there are no more.
	Predict(ctx context.Context, src table.Source, baseDir string, in encoding.Input) iter.Seq2[*Predictions, error]
	// IDs names the columns that are carried through where the data have them.
	IDs() []string
}

// Scorer is a predictor whose steps can be taken one by one: reading and encoding rows, and scoring them.
type Scorer interface {
	Predictor
	// Encode hands out the rows of a source as the model sees them, without targets, some at a time. Blocks have memory of their
	// own. After an error there are no more.
	Encode(ctx context.Context, src table.Source, baseDir string, in encoding.Input) iter.Seq2[encoding.Block, error]
	// Score returns the outputs for encoded rows, [rows, outputs], before they are made probabilities or values in units.
	Score(ctx context.Context, rows *encoding.Encoded) ([]float64, error)
}

// Rows is a predictor of rows that come in memory, in three steps, so that the rows of several callers can be scored together: encoding
// and answering are safe for concurrent use, scoring is for one goroutine at a time.
type Rows interface {
	Predictor
	// Columns lists what a row has that the model looks at.
	Columns() []Column
	// EncodeRows encodes a frame of table.RowsFrame, with the columns of Columns and any others; those of IDs are carried through.
	EncodeRows(ctx context.Context, f *table.Frame, in encoding.Input) (encoding.Block, error)
	// Score is Scorer's.
	Score(ctx context.Context, rows *encoding.Encoded) ([]float64, error)
	// Answer makes of the scores of rows what Predict hands out for them. An error is about the values of a row.
	Answer(scores []float64, b encoding.Block) (*Predictions, error)
}

// Column is a column of the rows that a model answers for.
type Column struct {
	Name  string `json:"name"`
	Type  string `json:"type"`            // one of package table's: numeric, boolean, date, categorical, text, vector, list
	Width int    `json:"width,omitempty"` // of a vector
	// Values are the categories that training has seen, the most frequent first; not all of them where they are many.
	Values []string `json:"values,omitempty"`
	Layout string   `json:"layout,omitempty"` // how dates are written, as a layout of package time; "": the year first
}

// Recommender is a model that lists the best items for users.
type Recommender interface {
	// Recommend hands out a list for each user asked for, in their order, some users at a time; after an error there is no more.
	Recommend(ctx context.Context, r Request) iter.Seq2[List, error]
	// Users and Items are how many the model knows.
	Users() int
	Items() int
}

// Folder is a recommender that makes lists for somebody by what he has, whether training has seen him or not.
type Folder interface {
	Recommender
	// ReadHistories reads what users have from a source of interactions, read and weighed as the training data were. The report tells of
	// items that training did not see, which say nothing.
	ReadHistories(ctx context.Context, src table.Source, baseDir string) (*Histories, encoding.EncodeReport, error)
}

// EventFolder is a folder that takes what users did as events in memory.
type EventFolder interface {
	Folder
	// FoldEvents makes histories of events, weighed as those of training. A value that is NaN was not given: it is 1, and an error of a model of
	// ratings, to which that would be a bad one. With known, what the model knows of these users is added. The report tells of items that
	// training did not see. An error is about an event, which it names by its number.
	FoldEvents(ctx context.Context, events []interactions.Event, known bool) (*Histories, encoding.EncodeReport, error)
}

// MaxBoost bounds what the scores of items are multiplied by.
const MaxBoost = 1e6

// Histories are what users have beside what a model was trained on.
type Histories struct {
	Users *interactions.Vocabulary
	Items *interactions.Matrix // Users × the items of the model
	// Nothing are further users, who have nothing, whatever they have in the model.
	Nothing map[string]bool
}

// Request says who gets how many items.
type Request struct {
	// Users are ids; nil: all of Histories, or where there are none all that the model knows.
	Users []string
	// Histories are what users have in the place of what they have in the model; nil: that.
	Histories *Histories
	K         int // at most so many items
	// Seen are items that a user has already: with it they are listed too.
	Seen bool
	// SeenBy are the kinds of event by which a user has an item already; none: all of them.
	SeenBy []string
	// Items are those that may be listed, by a table of them as it is now; nil: all.
	Items *Items
	// Diversity, from 0 to 1, is how much it costs an item to be like those before it in a list.
	Diversity float64
	// MostOfGroup is how many items of one of Items.Groups a list has at most; 0: any.
	MostOfGroup int
	// Explore is how many places of a list, the last, are for items that fewer than ExploreBelow users have, or that the model does not know.
	Explore, ExploreBelow int
	// Because asks for List.Because.
	Because bool
}

// Items says of items whether they may be recommended, and how their scores change.
type Items struct {
	// Weights are what the scores of items that may be recommended are multiplied by, above 0; one below 0 is divided. Other items are left out.
	Weights map[string]float32
	// Left is how many items a condition leaves out.
	Left int
	// Groups are what items belong to, such as categories; an item without one, or with "", belongs to none. nil: there are none.
	Groups map[string]string
}

// List is what a user is recommended, the best first.
type List struct {
	User   string    `json:"of"` // or, of similar items, the item
	Items  []string  `json:"items"`
	Scores []float32 `json:"scores"`
	// Known says that the model knows the user.
	Known bool `json:"known"`
	// Folded says that the list is by what the user has in Request.Histories. Who is neither known nor folded in gets what most users have,
	// and the scores are their share.
	Folded bool `json:"folded,omitempty"`
	// Because names for each item the one that the user has and that speaks most for it; "" where none does.
	Because []string `json:"because,omitempty"`
	// Explored is how many items, the last, are there to be tried out; their scores are 0.
	Explored int `json:"explored,omitempty"`
}

// Similarer is a model that knows which items are alike.
type Similarer interface {
	// Similar lists the items most similar to one, at most k, with their similarities. The error of an item that the model does
	// not know matches ErrUnknown.
	Similar(item string, k int) (List, error)
}

// Audiencer is a model that knows to whom an item is to be shown.
type Audiencer interface {
	// AudienceOf lists at most k users, those with the highest scores of the item first; who has it already is left out, unless seen. Users
	// are named in the place of items. The error of an item that the model does not know matches ErrUnknown.
	AudienceOf(ctx context.Context, item string, k int, seen bool) (List, error)
}

// ErrUnknown is matched by errors about an id that a model does not know.
var ErrUnknown = errors.New("the model does not know it")

// Predictions are a model's answers for some rows of the data, column by column.
type Predictions struct {
	First   int // number of the first row in the source, from 0
	Rows    int
	Columns []table.OutputColumn
	// Positive is the class that the column probability is of, where there is one.
	Positive string
	// Threshold is the probability from which on a row is predicted to be of that class.
	Threshold float64
	Report    encoding.EncodeReport // of all rows so far: values that training did not see
}

// Add appends a column.
func (p *Predictions) Add(name string, values any) {
	p.Columns = append(p.Columns, table.OutputColumn{Name: name, Values: values})
}

// Carry appends the columns that rows carry through.
func (p *Predictions) Carry(rows *encoding.Encoded) {
	for _, c := range rows.IDColumns {
		if c.SQL != "" {
			p.Add(c.Name, table.TypedTexts{Values: c.Values, SQL: c.SQL})
			continue
		}
		p.Add(c.Name, c.Values)
	}
}

// Coefficients are a linear model's weights in the units of the data: the outcome (or for classes the logit) is the
// intercept plus the sum of weight times value.
type Coefficients struct {
	Output    string  `json:"output,omitempty"` // the class, where there are several
	Intercept float64 `json:"intercept"`
	// StandardError is the intercept's; nil where it is not known.
	StandardError *float64      `json:"standard_error,omitempty"`
	Features      []Coefficient `json:"features"`
	// More holds the coefficients of further classes.
	More []Coefficients `json:"more,omitempty"`
}

// Coefficient is the weight of one feature.
type Coefficient struct {
	// Feature is the column; with what was done to it ("log1p(price)") where its value is transformed; and "column=value"
	// for a value of a categorical column.
	Feature string  `json:"feature"`
	Value   float64 `json:"value"`
	// Standardized is the weight of a standard deviation of the feature, of an indicator Value itself: sizes that compare.
	Standardized float64 `json:"standardized,omitempty"`
	// StandardError is that of Value: of the estimate where there is no penalty, of the posterior under the penalty's prior otherwise;
	// nil where it is not known, and of the value of a column that the others are compared with.
	StandardError *float64 `json:"standard_error,omitempty"`
}

// Sorted returns the features, those that move the outcome most first, by the size of the standardized coefficients.
func (c *Coefficients) Sorted() []Coefficient {
	sorted := slices.Clone(c.Features)
	slices.SortStableFunc(sorted, func(a, b Coefficient) int { return cmp.Compare(math.Abs(b.Standardized), math.Abs(a.Standardized)) })
	return sorted
}

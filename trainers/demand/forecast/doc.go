// Package forecast holds methods that say how a series of numbers goes on, with how much they may be wrong.
//
// A [Series] is values at regular steps, some of which may be missing. A [Method] makes a [Prediction] of it: a mean and quantiles for
// each step ahead. Methods look at one series – exponential smoothing, ARIMA, Theta, … – or, as a [Pooled] one does, learn from many
// and then answer for each. [Median] joins methods, and [Default] is the rule that says which ones.
//
// Methods are pure functions: the same series, options and seed give the same bits, on any thread. What they cannot do is an error that
// matches [ErrInput], [ErrShort] or [ErrUnfit]; a Prediction holds no NaN and no infinity.
package forecast

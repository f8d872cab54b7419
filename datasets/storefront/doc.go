// Package storefront simulates the visits to a web shop, together with the
// probability by which each visit ends in a purchase.
//
// Real data never says how good a model could have been. Here the probability
// behind every label is known, so a model can be judged against what is true:
// its ranking against the best ranking there is ([Summary.BayesAUC]), its
// calibration against the probabilities themselves.
//
// A shop is a catalog of items, an audience of users and a stream of sessions
// in the order of time. Users have habits (country, device, favorite category,
// budget) and come back; a session's days_since_last_visit is the distance to
// the same user's previous session. The purchase probability depends on the
// published columns alone, as they are written: it has thresholds, saturation,
// interactions and a season (see truth.go), so a linear model falls short of
// it. A few values are withheld at random after the label is drawn, which
// costs any model a little.
//
// [Simulate] iterates over the sessions that have a label, [SimulateNew] over
// those that come after them; [WriteCSV] and [WriteNewSessions] put them in
// files. All stream: memory grows with users and items, not with sessions.
//
// Every random number belongs to a purpose and to one session, user or item
// (see random.go), so a seed gives the same sessions however many are asked
// for at a time, and a column added later will not disturb the others. The
// same seed and build give the same bytes; another processor architecture may
// round the last digit of a transcendental function differently.
package storefront

package storefront

import (
	"slices"
	"strconv"
	"time"
)

// Column names one column of the sessions' table that may lack a value.
type Column uint8

// The columns from which values are withheld at random.
const (
	Minutes Column = iota
	Category
	MeanPrice
	Discount
	BounceShare
	withheldColumns // their number
)

// withheld is the share of values withheld from each column.
var withheld = [withheldColumns]float64{
	Minutes:     0.02,
	Category:    0.015,
	MeanPrice:   0.015,
	Discount:    0.01,
	BounceShare: 0.03,
}

// Session is one visit to the shop. All values are known here, rounded as they
// are published; those that [Session.Missing] reports are left empty in a file.
type Session struct {
	// Index counts the sessions of a shop from 0, in the order of time.
	Index int
	// User counts the users from 0, in the order of their first visit.
	User int
	// Time is when the session begins, to the second, in UTC.
	Time time.Time
	// NewVisitor is set at the first visit of a user.
	NewVisitor bool
	// Pages is the number of product pages viewed, at least 1.
	Pages int
	// Minutes is the length of the session, to a tenth.
	Minutes float64
	// MeanPrice is the mean price of the items viewed, to a hundredth.
	MeanPrice float64
	// Discount is the reduction shown, in percent; 0 is none.
	Discount float64
	// CartAdds is how many times an item was put in the cart.
	CartAdds int
	// BounceShare is the share of pages left at once, to a thousandth.
	BounceShare float64
	// DaysSinceLastVisit is the distance to the user's previous session, to a
	// tenth of a day. A new visitor has none: the value is 0 and left empty.
	DaysSinceLastVisit float64
	// Weekend is set on Saturdays and Sundays.
	Weekend bool

	// Probability is the truth: the probability that the session ends in a
	// purchase, given all its values.
	Probability float64
	// Purchased is the label, drawn by Probability.
	Purchased bool

	device, channel, country, category int // indexes into the lists of values
	missing                            [withheldColumns]bool
}

// ID returns the session's id as published, for example "s00000042"; ids sort
// in the order of time.
func (s *Session) ID() string { return string(appendID(nil, 's', s.Index)) }

// UserID returns the user's id as published, for example "u0000042".
func (s *Session) UserID() string { return string(appendID(nil, 'u', s.User)) }

// Device returns what the visitor used, for example "mobile".
func (s *Session) Device() string { return devices[s.device] }

// Channel returns where the visitor came from, for example "email".
func (s *Session) Channel() string { return channels[s.channel] }

// Country returns the two letters of the user's country.
func (s *Session) Country() string { return countries[s.country] }

// Category returns the product category viewed most.
func (s *Session) Category() string { return categories[s.category].name }

// Month returns the month in three English letters.
func (s *Session) Month() string { return s.Time.Month().String()[:3] }

// Missing reports whether the value of a column is withheld.
func (s *Session) Missing(c Column) bool { return c < withheldColumns && s.missing[c] }

// columns are the header of the sessions' table; the label comes last.
var columns = []string{
	"session_id", "user_id", "timestamp", "device", "channel", "country", "new_visitor", "pages", "minutes",
	"category", "mean_price", "discount", "cart_adds", "bounce_share", "days_since_last_visit", "weekend", "month",
	Label,
}

// Label is the name of the column that a model is to predict.
const Label = "purchased"

// Columns returns the header of the sessions' table, the label last.
func Columns() []string { return slices.Clone(columns) }

// appendRow appends the session as a line of CSV. No value needs quotes.
func appendRow(b []byte, s *Session, label bool) []byte {
	b = appendID(b, 's', s.Index)
	b = appendID(append(b, ','), 'u', s.User)
	b = s.Time.AppendFormat(append(b, ','), time.DateTime)
	b = append(append(b, ','), s.Device()...)
	b = append(append(b, ','), s.Channel()...)
	b = append(append(b, ','), s.Country()...)
	b = appendBool(append(b, ','), s.NewVisitor)
	b = strconv.AppendInt(append(b, ','), int64(s.Pages), 10)
	b = appendNumber(append(b, ','), s.Minutes, 1, s.missing[Minutes])
	b = append(b, ',')
	if !s.missing[Category] {
		b = append(b, s.Category()...)
	}
	b = appendNumber(append(b, ','), s.MeanPrice, 2, s.missing[MeanPrice])
	b = appendNumber(append(b, ','), s.Discount, 0, s.missing[Discount])
	b = strconv.AppendInt(append(b, ','), int64(s.CartAdds), 10)
	b = appendNumber(append(b, ','), s.BounceShare, 3, s.missing[BounceShare])
	b = appendNumber(append(b, ','), s.DaysSinceLastVisit, 1, s.NewVisitor)
	b = appendBool(append(b, ','), s.Weekend)
	b = append(append(b, ','), s.Month()...)
	if label {
		b = appendBool(append(b, ','), s.Purchased)
	}
	return append(b, '\n')
}

// appendTruth appends the session's line of the truth: id and probability, to
// nine digits.
func appendTruth(b []byte, s *Session) []byte {
	b = appendID(b, 's', s.Index)
	b = strconv.AppendFloat(append(b, ','), s.Probability, 'f', 9, 64)
	return append(b, '\n')
}

// appendID appends a letter and a number of at least eight digits, counted
// from 1. Their length is fixed up to 10⁸, and so the order of text is theirs.
func appendID(b []byte, letter byte, index int) []byte {
	b = append(b, letter)
	n := index + 1
	for p := 10_000_000; p > n; p /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(n), 10)
}

// appendNumber appends a number with so many decimals, nothing where missing.
func appendNumber(b []byte, x float64, decimals int, missing bool) []byte {
	if missing {
		return b
	}
	return strconv.AppendFloat(b, x, 'f', decimals, 64)
}

// appendBool appends TRUE or FALSE.
func appendBool(b []byte, x bool) []byte {
	if x {
		return append(b, "TRUE"...)
	}
	return append(b, "FALSE"...)
}

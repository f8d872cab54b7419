package prepare_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

var (
	asNumber  = []string{"numeric", "categorical", "DOUBLE", "VARCHAR", "DECIMAL(18,4)"}
	asWhole   = []string{"numeric", "categorical", "BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "HUGEINT"}
	asBoolean = []string{"boolean", "categorical", "BOOLEAN", "VARCHAR"}
	asDate    = []string{"date", "categorical", "DATE", "TIMESTAMP", "VARCHAR"}
	asText    = []string{"categorical", "text", "VARCHAR"}
)

// columnKinds are the kinds of columns there are in the world.
var columnKinds = append([]columnKind{
	{whole, asWhole, []string{"BIGINT", "INTEGER", "DOUBLE", "UBIGINT", "DECIMAL(18,0)"}},
	{decimals, asNumber, []string{"DOUBLE", "FLOAT", "DECIMAL(18,3)"}},
	{odd, asNumber, []string{"DOUBLE"}},
	{wide, asWhole, []string{"HUGEINT", "DOUBLE", "BIGINT", "UBIGINT"}},
	{unsigned, asWhole, []string{"UBIGINT", "HUGEINT"}},
	{signed64, asWhole, []string{"BIGINT"}},
	{codes, append(asWhole, asText...), []string{"VARCHAR", "BIGINT"}},
	{articles, asWhole, []string{"VARCHAR", "BIGINT"}},
	{flags("true", "false"), asBoolean, []string{"BOOLEAN"}},
	{flags("TRUE", "False", "true"), asBoolean, []string{"BOOLEAN"}},
	{flags("yes", "no"), asBoolean, []string{"BOOLEAN", "VARCHAR"}},
	{flags("t", "f"), asBoolean, []string{"BOOLEAN"}},
	{flags("Y", "N"), asBoolean, []string{"VARCHAR"}},
	{flags("0", "1"), append(asBoolean, asWhole...), []string{"BOOLEAN", "TINYINT"}},
	{clock, asText, []string{"VARCHAR", "TIME"}},
	{versions, asText, []string{"VARCHAR"}},
	{articleNumbers, asText, []string{"VARCHAR"}},
	{amounts, asNumber, []string{"VARCHAR"}},
	{commas, asNumber, []string{"VARCHAR"}},
	{thousands, asNumber, []string{"VARCHAR"}},
	{lakhs, asNumber, []string{"VARCHAR"}},
	{quantities, asNumber, []string{"VARCHAR"}},
	{categories, asText, []string{"VARCHAR"}},
	{sentences, asText, []string{"VARCHAR"}},
	{flags("", ""), asText, []string{"VARCHAR", "INTEGER"}},
	{flags("a"), asText, []string{"VARCHAR"}},
	{flags("[1, 2]", "[0.5, -1]"), asText, []string{"VARCHAR"}},
	{flags(`{"a": 1}`, "{}"), asText, []string{"VARCHAR"}},
	{uuids, asText, []string{"VARCHAR", "UUID"}},
}, dateKinds()...)

func whole(r *rand.Rand) func() string {
	most := []int{3, 50, 100_000, 1 << 40}[r.IntN(4)]
	negative := r.IntN(2) * most / 2
	return func() string { return strconv.Itoa(r.IntN(most) - negative) }
}

func decimals(r *rand.Rand) func() string {
	places := r.IntN(8) - 1
	scale := []float64{1, 1000, 1e-3, 1e9}[r.IntN(4)]
	return func() string { return strconv.FormatFloat(r.NormFloat64()*scale, 'f', places, 64) }
}

// odd numbers are written as only some programs do.
func odd(r *rand.Rand) func() string {
	usual := []string{"1.5", "-2.25", "3", "0.125", "12"}
	strange := []string{"1e3", "1E-3", "+1.2", "\u22123.5", ".5", "5.", "-0", "0.1234567890123456789", "2.5e+10", "1e22", "9007199254740993.0", "1e-320", "-.5e1", "\uff0d7", "1.50", "+3",
		"123456789012345678901234567890.5"}
	only := strange[r.IntN(len(strange))]
	share := r.IntN(3)
	return func() string {
		switch {
		case share == 0:
			return choice(r, strange...)()
		case r.IntN(4) == 0:
			return only
		}
		return choice(r, usual...)()
	}
}

func wide(r *rand.Rand) func() string {
	length, minus := 16+r.IntN(11), r.IntN(8) == 0
	prefix := digits(r, length-3)
	return func() string {
		s := prefix + fmt.Sprintf("%03d", r.IntN(1000))
		if minus {
			s = "-" + s
		}
		return s
	}
}

func unsigned(r *rand.Rand) func() string {
	return func() string { return strconv.FormatUint(1<<63+r.Uint64()>>1, 10) }
}

func signed64(r *rand.Rand) func() string {
	return func() string { return strconv.FormatInt(int64(r.Uint64()), 10) }
}

func codes(r *rand.Rand) func() string {
	return func() string { return fmt.Sprintf("%05d", r.IntN(30000)) }
}

func articles(r *rand.Rand) func() string {
	return func() string { return checkDigit(digits(r, 12)) }
}

func flags(words ...string) func(r *rand.Rand) func() string {
	return func(r *rand.Rand) func() string { return choice(r, words...) }
}

func clock(r *rand.Rand) func() string {
	return func() string { return fmt.Sprintf("%02d:%02d", r.IntN(24), r.IntN(60)) }
}

func versions(r *rand.Rand) func() string {
	return func() string { return fmt.Sprintf("%d.%d.%d", r.IntN(9), r.IntN(20), r.IntN(40)) }
}

func articleNumbers(r *rand.Rand) func() string {
	return func() string { return fmt.Sprintf("%02d-%02d-%02d", r.IntN(28)+1, r.IntN(12)+1, r.IntN(40)) }
}

func amounts(r *rand.Rand) func() string {
	form := []string{"$%s", "%s EUR", "%s%%", "(%s)", "%sK", "-$%s", "€ %s", "%s-"}[r.IntN(8)]
	return func() string { return fmt.Sprintf(form, fmt.Sprintf("%.2f", r.Float64()*900)) }
}

func commas(r *rand.Rand) func() string {
	return func() string { return strings.Replace(fmt.Sprintf("%.2f", r.NormFloat64()*90), ".", ",", 1) }
}

func thousands(r *rand.Rand) func() string {
	mark := []string{",", ".", "'", " ", "\u00a0"}[r.IntN(5)]
	fraction := []string{"", ".5", ",25"}[r.IntN(3)]
	return func() string { return group(strconv.Itoa(r.IntN(5_000_000)), mark) + fraction }
}

// lakhs are grouped as in India.
func lakhs(r *rand.Rand) func() string {
	sign := []string{"", "", "₹", "Rs. "}[r.IntN(4)]
	fraction := []string{"", ".00", ".5"}[r.IntN(3)]
	most := []int{90_000, 5_000_000, 900_000_000}[r.IntN(3)]
	return func() string {
		whole, last := strconv.Itoa(r.IntN(most)), ""
		if n := len(whole) - 3; n > 0 {
			whole, last = whole[:n], ","+whole[n:]
		}
		for n := len(whole) - 2; n > 0; n -= 2 {
			whole, last = whole[:n], ","+whole[n:]+last
		}
		return sign + whole + last + fraction
	}
}

// quantities have units, of which there may be several.
func quantities(r *rand.Rand) func() string {
	units := [][]string{{" kg"}, {" kg", " g"}, {"kg", "g", ""}, {"%", ""}, {" EUR", " USD"}, {"K", "M"}, {" pcs", " pairs"}, {"$", "%"}, {" EU", " UK", " US"}}[r.IntN(9)]
	places := r.IntN(3)
	return func() string {
		return strconv.FormatFloat(r.Float64()*900, 'f', places, 64) + units[r.IntN(len(units))]
	}
}

func categories(r *rand.Rand) func() string {
	words := []string{"red", "Red", "blau", "grün", "żółty", "赤", "a,b", "x;y", "p|q", "tab\there", "say \"hi\"", "two\nlines", "'", "#5", "# note", "é", "e\u0301", "🙂", "NA", "none", "a  b", "=1+1", "\\N", "0x1F", "1_000", "nan", "inf", "1e400", "T", "No"}
	r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	return choice(r, words[:1+r.IntN(8)]...)
}

func sentences(r *rand.Rand) func() string {
	words := []string{"the", "shirt", "was", "good,", "\"really\"", "and", "cheap;", "1.5", "ÄÖ", "no", "\n"}
	return func() string {
		var b []string
		for range 1 + r.IntN(12) {
			b = append(b, words[r.IntN(len(words))])
		}
		return strings.TrimSpace(strings.Join(b, " "))
	}
}

func uuids(r *rand.Rand) func() string {
	return func() string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", r.Uint32(), r.Uint32()) }
}

// dateKinds write dates in the layouts of package time.
func dateKinds() []columnKind {
	var out []columnKind
	for _, layout := range []string{
		"2006-01-02", "2006/01/02", "20060102", "2006", "2006-01", "02/01/06", "02/01/2006", "01/02/2006", "01/02/06", "2/1/2006", "02.01.2006", "02.01.06", "02-01-2006", "2006.01.02",
		"2 Jan 2006", "02-Jan-2006", "January 2, 2006", "Jan 2, 2006", "02-Jan-06", "2 January 2006",
		"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02T15:04:05Z", "2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05.000", "2006-01-02T15:04:05.000000000", "2006-01-02T15:04:05-07:00", "2006-01-02 15:04",
		"02/01/2006 15:04", "01/02/2006 3:04 PM", "02.01.2006 15:04:05", "2006-01-02 15:04:05-07",
		"[02/Jan/2006:15:04:05 -0700]", "02/Jan/2006:15:04:05 -0700", "02/Jan/2006:15:04:05", "1/2/2006, 3:04 PM", "2/1/2006, 15:04:05", "2.1.2006, 15:04", "Jan 2, 2006, 3:04:05 PM",
		"Mon, 02 Jan 2006", "Monday, January 2, 2006", "Mon 2006-01-02", "Mon, 02 Jan 2006 15:04:05 MST", "Mon, 02 Jan 2006 15:04:05 -0700", "Monday, 02-Jan-06 15:04:05 MST", time.ANSIC, time.UnixDate,
		time.RubyDate, "Mon 02/01/2006",
	} {
		dates := func(r *rand.Rand) func() string {
			zone := time.FixedZone("", []int{0, 5*3600 + 1800, -7 * 3600}[r.IntN(3)])
			span := []int64{86400 * 10, 86400 * 365 * 40}[r.IntN(2)]
			return func() string { return time.Unix(r.Int64N(span)+1_000_000_000, r.Int64N(1e9)).In(zone).Format(layout) }
		}
		declarations := asDate
		switch layout {
		case "02/01/06":
			declarations = append(declarations, "DD/MM/YY", "MM/DD/YY")
		case "02/01/2006":
			declarations = append(declarations, "DD/MM/YYYY", "MM/DD/YYYY")
		}
		out = append(out, columnKind{dates, declarations, []string{"DATE", "TIMESTAMP", "TIMESTAMPTZ", "VARCHAR"}})
	}
	return out
}

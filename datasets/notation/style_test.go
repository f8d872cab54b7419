package notation

import (
	"fmt"
	"slices"
	"testing"
)

// by names the styles of the tests.
var (
	plain     = Style{}
	comma     = Style{Comma: true}
	us        = Style{Thousands: ','}
	de        = Style{Comma: true, Thousands: '.'}
	swiss     = Style{Thousands: '\''}
	blanks    = Style{Thousands: ' '}
	french    = Style{Comma: true, Thousands: ' '}
	amounts   = Style{Amount: true}
	usAmount  = Style{Thousands: ',', Amount: true}
	deAmount  = Style{Comma: true, Thousands: '.', Amount: true}
	commaSum  = Style{Comma: true, Amount: true}
	blankSum  = Style{Thousands: ' ', Amount: true}
	frenchSum = Style{Comma: true, Thousands: ' ', Amount: true}
	swissSum  = Style{Thousands: '\'', Amount: true}
)

func TestStyleParse(t *testing.T) {
	for _, c := range []struct {
		style Style
		s     string
		want  float64
	}{
		{plain, "1.5", 1.5},
		{comma, "36,61", 36.61}, {comma, "-3,5", -3.5}, {comma, ",5", 0.5}, {comma, "1,5e3", 1500}, {comma, "0,935", 0.935}, {comma, "301", 301}, {comma, "\u22123,5", -3.5},
		{us, "1,935", 1935}, {us, "1,935,000", 1935000}, {us, "1,935.30", 1935.30}, {us, "301", 301}, {us, "1935", 1935}, {us, "-1,935", -1935}, {us, "1e3", 1000}, {us, "12,345,678.9", 12345678.9},
		{de, "1.935", 1935}, {de, "1.935,30", 1935.30}, {de, "36,61", 36.61}, {de, "1.234.567,8", 1234567.8}, {de, "301,95", 301.95},
		{swiss, "1'935.30", 1935.30}, {swiss, "1\u2019935", 1935}, {blanks, "1 935.30", 1935.30}, {french, "1\u202f935,30", 1935.30}, {french, "1\u00a0935\u2009000", 1935000}, {french, "-1 935", -1935},
		{amounts, "1935.30 EUR", 1935.30}, {amounts, "EUR 5", 5}, {amounts, "EUR5", 5}, {amounts, "$5", 5}, {amounts, "5$", 5}, {amounts, "5 US$", 5}, {amounts, "US$5", 5}, {amounts, "R$ 5", 5},
		{amounts, "-$5", -5}, {amounts, "$-5", -5}, {amounts, "$ -5", -5}, {amounts, "€5", 5}, {amounts, "5 €", 5}, {amounts, "5\u00a0€", 5}, {amounts, "5.25-", -5.25}, {amounts, "5.25\u2212", -5.25},
		{amounts, "(5)", -5}, {amounts, "($5.50)", -5.5}, {amounts, "$(5.50)", -5.5}, {amounts, "(5.50) EUR", -5.5}, {amounts, "(5.50 EUR)", -5.5}, {amounts, "$ (5)", -5},
		{amounts, "19.32%", 19.32}, {amounts, "19.32 %", 19.32}, {amounts, "-5%", -5}, {amounts, "(5%)", -5}, {amounts, "0%", 0}, {amounts, "05%", 5},
		{amounts, "1.9K", 1900}, {amounts, "1.9k", 1900}, {amounts, "$1.9M", 1900000}, {amounts, "2.3B", 2300000000}, {amounts, "1.1K", 1100}, {amounts, "4.35M", 4350000}, {amounts, "1.9K USD", 1900}, {amounts, "-2K", -2000},
		{amounts, "($1.9K)", -1900}, {amounts, "5 kr", 5}, {amounts, "kr 5", 5}, {amounts, "5 zł", 5}, {amounts, "Rs. 5", 5}, {amounts, "₹5", 5}, {amounts, "5 eur", 5}, {amounts, "\u2212$5", -5},
		{amounts, "1.5", 1.5}, {amounts, "-7", -7}, {amounts, "1e3", 1000}, {amounts, "$1e3", 1000}, {amounts, "0.0000000000000000000001K", 1e-19}, {amounts, "123456789012345678901234567890K", 123456789012345678901234567890e3},
		{usAmount, "$1,935.30", 1935.30}, {usAmount, "-$1,935.30", -1935.30}, {usAmount, "($1,935.30)", -1935.30}, {usAmount, "USD 1,935", 1935}, {usAmount, "COP1,935", 1935}, {usAmount, "1,935-", -1935},
		{deAmount, "1.935,30 €", 1935.30}, {deAmount, "301,95 €", 301.95}, {deAmount, "-1.935,30 €", -1935.30}, {deAmount, "EUR 1.935,30-", -1935.30},
		{commaSum, "19,32%", 19.32}, {commaSum, "1,9K", 1900}, {commaSum, "€ 5,50", 5.5},
		{frenchSum, "1 935,30 €", 1935.30}, {frenchSum, "1\u202f935,30\u00a0€", 1935.30}, {blankSum, "USD 1 935", 1935}, {swissSum, "CHF 1'935.30", 1935.30},
	} {
		if v, ok := c.style.Parse(c.s); !ok || v != c.want {
			t.Errorf("%v.Parse(%q) = %v, %v, want %v", c.style, c.s, v, ok, c.want)
		}
	}
	for _, c := range []struct {
		style Style
		texts []string
	}{
		{comma, []string{"1.5", "5,", ",", "-,", "1,2,3", "1.234,5", "++5,3", "$5,3", "5 ,3"}},
		{us, []string{"1,93", "1,9350", "0,935", "012,345", "1,935,30", "1935,300", ",935", "1,,935", "1,935,", "1,935.", "1,935e3", "1,9,350", "1.935,30", "$1,935", "(5)"}},
		{de, []string{"1.93,5", "1.93", "0.935", "1,935.30", "1.935.30"}},
		{swiss, []string{"1'93", "'935", "1''935", "1,935", "5'"}}, {blanks, []string{"1  935", "1 93", "1 935 ", " 1 935", "1 935,5", "0 935"}},
		{amounts, []string{"", "$", "EUR", "%", "K", "()", "(-5)", "-(5)", "(5", "5)", "((5))", "$5$", "$5 EUR", "$5%", "--5", "-$-5", "$--5", "5-", "5.5--", "-5.5-", "$$5", "5%%", "%5", "1e5K", "5KK", "5 K", "5m", "5G",
			"¢5", "50¢", "EURO 5", "EUR", "ABC 5", "5 ABC", "5 ALL", "TOP 10", "try 5", "5 try", "PEN123", "INR 007", "EUR007", "$007", "007K", "(007)", "(030)", "12B4", "M5", "K5", "5 Main", "nan", "$nan", "$inf", "1,935", "€", "5 €€",
			"$5-", "65+", "2-", "1-2", "$  5", "US $5", "5A$"}},
		{Style{Thousands: '.'}, []string{"5"}}, {Style{Comma: true, Thousands: ','}, []string{"5"}}, {Style{Thousands: 'x'}, []string{"5"}},
	} {
		for _, s := range c.texts {
			if v, ok := c.style.Parse(s); ok {
				t.Errorf("%v.Parse(%q) = %v", c.style, s, v)
			}
		}
	}
}

func TestStylesOf(t *testing.T) {
	set := func(styles ...Style) (s StyleSet) {
		for _, y := range styles {
			s |= 1 << y.index()
		}
		return s
	}
	points := set(plain, us, swiss, blanks, amounts, usAmount, swissSum, blankSum)
	commas := allStyles &^ points
	for _, c := range []struct {
		s           string
		fits, needs StyleSet
	}{
		{"", 0, 0}, {"abc", 0, 0}, {"12 Main Street", 0, 0}, {"5", allStyles, 0}, {"-5", allStyles, 0}, {"1e5", allStyles, 0}, {"1.5", points, 0},
		{"1.935", points | set(de, deAmount), set(de, deAmount)}, {"0.935", points, 0}, {"1.935.000", set(de, deAmount), set(de, deAmount)},
		{"36,61", commas, commas}, {"1,935", commas | set(us, usAmount), commas | set(us, usAmount)}, {"1,935.30", set(us, usAmount), set(us, usAmount)},
		{"1'935", set(swiss, swissSum, Style{Comma: true, Thousands: '\''}, Style{Comma: true, Thousands: '\'', Amount: true}), set(swiss, swissSum, Style{Comma: true, Thousands: '\''}, Style{Comma: true, Thousands: '\'', Amount: true})},
		{"$5", 0xff00, 0xff00}, {"19.32%", points & 0xff00, points & 0xff00}, {"1.935,30 €", set(deAmount), set(deAmount)}, {"5-", 0, 0}, {"5.25-", points & 0xff00, points & 0xff00},
		{"\u22121935.3", points, 0},
	} {
		if fits, needs := StylesOf(c.s); fits != c.fits || needs != c.needs {
			t.Errorf("StylesOf(%q) = %016b, %016b, want %016b, %016b", c.s, fits, needs, c.fits, c.needs)
		}
	}
	if got := slices.Collect(set(us, plain).All()); !slices.Equal(got, []Style{plain, us}) {
		t.Errorf("All: %v", got)
	}
	if !points.Has(us) || points.Has(comma) || points.Has(Style{Thousands: '.'}) {
		t.Error("Has")
	}
	if len(Styles()) != 16 || Styles()[0] != plain {
		t.Error(Styles())
	}
	for _, y := range Styles() {
		// The example of a style needs it.
		if _, needs := StylesOf(y.String()); y != plain && y.Thousands != 0 && !needs.Has(y) {
			t.Errorf("%v does not need its style", y)
		}
		if _, ok := y.Parse(y.String()); !ok {
			t.Errorf("%v does not read its example", y)
		}
	}
}

func TestNumberTally(t *testing.T) {
	for _, c := range []struct {
		name      string
		texts     []string
		style     Style
		rows      int
		other     Style
		hasOther  bool
		plainRows int
	}{
		{"none", []string{"a", ""}, plain, 0, plain, false, 0},
		{"whole", []string{"1", "2", "3000"}, plain, 3, plain, false, 3},
		{"points", []string{"1.5", "2.25", "3"}, plain, 3, plain, false, 3},
		{"thousands", []string{"1,935", "1,641", "301"}, us, 3, comma, true, 1},
		{"thousands twice", []string{"1,935,000", "1,641", "301"}, us, 3, plain, false, 1},
		{"thousands with points", []string{"1,935", "301.50"}, us, 2, plain, false, 1},
		{"decimal commas", []string{"36,61", "3,5", "1"}, comma, 3, plain, false, 1},
		{"decimal commas of three digits, one shorter", []string{"1,935", "1,641", "1,5"}, comma, 3, plain, false, 0},
		{"decimal commas below one", []string{"1,935", "0,641", "1,500"}, comma, 3, plain, false, 0},
		{"one comma", []string{"1,935", "1,935", "301"}, comma, 3, us, true, 1},
		{"commas beside 4-digit numbers", []string{"1,935", "1,641", "1935"}, comma, 3, us, true, 1},
		{"German", []string{"1.935,30", "301,95", "12"}, de, 3, plain, false, 1},
		{"German thousands", []string{"1.935", "1.641", "301"}, plain, 3, de, true, 3},
		{"points of three digits, one below one", []string{"1.935", "0.641", "301"}, plain, 3, plain, false, 3},
		{"points beside 4-digit numbers", []string{"1.935", "1.641", "3010"}, plain, 3, plain, false, 3},
		{"one point", []string{"1.935", "301"}, plain, 2, plain, false, 2},
		{"euros", []string{"1935.30 EUR", "301.95 EUR"}, amounts, 2, plain, false, 0},
		{"German euros", []string{"1.935,30 €", "301,95 €"}, deAmount, 2, plain, false, 0},
		{"dollars", []string{"$1,935", "$1,641", "$301"}, usAmount, 3, commaSum, true, 0},
		{"German euros, whole", []string{"1.935 €", "1.641 €", "301 €"}, amounts, 3, deAmount, true, 0},
		{"percent", []string{"19.32%", "5%"}, amounts, 2, plain, false, 0},
		{"narrow blanks", []string{"1\u202f935,30", "12,5"}, french, 2, plain, false, 0},
		{"minus signs", []string{"\u22121935.3", "5"}, plain, 2, plain, false, 2},
		{"thousands of K", []string{"1,935K", "1,641K", "900K"}, usAmount, 3, commaSum, true, 0},
		{"mostly text", []string{"a", "b", "1,5"}, comma, 1, plain, false, 0},
		{"Swiss", []string{"1'935.30", "12.5", "2000"}, swiss, 3, plain, false, 2},
	} {
		for _, reversed := range []bool{false, true} {
			var tally NumberTally
			texts := slices.Clone(c.texts)
			if reversed {
				slices.Reverse(texts)
			}
			for _, s := range texts {
				tally.Add(s, 10)
			}
			style, rows, other, hasOther := tally.Best()
			if style != c.style || rows != 10*c.rows || other != c.other || hasOther != c.hasOther {
				t.Errorf("%s: Best() = %v, %d, %v, %v, want %v, %d, %v, %v", c.name, style, rows, other, hasOther, c.style, 10*c.rows, c.other, c.hasOther)
			}
			if tally.Plain() != 10*c.plainRows || tally.Rows() != 10*len(texts) {
				t.Errorf("%s: Plain() = %d, Rows() = %d", c.name, tally.Plain(), tally.Rows())
			}
			for _, y := range Styles() {
				fits, needs := 0, 0
				for _, s := range texts {
					_, ok := y.Parse(s)
					fits += 10 * bit(ok)
					_, n := StylesOf(s)
					needs += 10 * bit(n.Has(y))
				}
				if tally.Fits(y) != fits || tally.Needs(y) != needs {
					t.Errorf("%s: Fits(%v) = %d, Needs = %d, want %d, %d", c.name, y, tally.Fits(y), tally.Needs(y), fits, needs)
				}
			}
		}
	}
}

// TestFewMistakes checks that a few values do not hide the other reading.
func TestFewMistakes(t *testing.T) {
	for _, c := range []struct {
		separator, mistake string
		mistakes           int
		style, other       Style
		hasOther           bool
	}{
		{",", "1,5", 0, us, comma, true}, {",", "1,5", 2, comma, us, true}, {",", "1,5", 5, comma, plain, false},
		{",", "0,935", 2, comma, us, true}, {",", "1935", 2, comma, us, true}, {",", "x", 5, us, comma, true},
		{".", "1.5", 2, plain, de, true}, {".", "1.5", 5, plain, plain, false}, {".", "1935", 2, plain, plain, false},
	} {
		var tally NumberTally
		for i := range 100 {
			tally.Add(fmt.Sprintf("%d%s%03d", 1+i%7, c.separator, 7*i), 1)
			tally.Add(fmt.Sprint(5*i), 1)
		}
		if c.mistakes > 0 {
			tally.Add(c.mistake, c.mistakes)
		}
		style, _, other, hasOther := tally.Best()
		if style != c.style || other != c.other || hasOther != c.hasOther {
			t.Errorf("%d × %q: Best() = %v, %v, %v", c.mistakes, c.mistake, style, other, hasOther)
		}
	}
}

func TestUnits(t *testing.T) {
	var tally NumberTally
	for _, s := range []string{"5 EUR", "USD 3", "$5", "7%", "7", "7,5 EUR", "x", "5K"} {
		tally.Add(s, 2)
	}
	want := []UnitCount{{"EUR", 4}, {"USD", 2}, {"$", 2}, {"%", 2}, {"", 4}}
	if got := tally.Units(); !slices.Equal(got, want) {
		t.Errorf("Units() = %v, want %v", got, want)
	}
	for i := range 200 {
		tally.Add(string(rune('\u20a0'+i%32))+"5", 1)
	}
	if n := len(tally.Units()); n > maxUnits {
		t.Errorf("%d units are remembered", n)
	}
}

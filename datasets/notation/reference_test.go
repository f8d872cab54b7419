package notation

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// reference reads numbers of a style by a regular expression and exact arithmetic.
type reference struct {
	style   Style
	amounts []*regexp.Regexp
	number  *regexp.Regexp
}

const (
	minusClass = "[-\u2212\ufe63\uff0d]"
	signClass  = "[-+\u2212\ufe63\uff0d]"
	blankClass = "[ \u00a0\u2007\u2009\u202f]"
)

var (
	apartForm  = regexp.MustCompile(`[^0-9].*[0-9]$|^[^0-9]`)
	letterEnd  = regexp.MustCompile(`[\p{L}.]$`)
	zeroStart  = regexp.MustCompile(`^0[0-9]`)
	apartMarks = regexp.MustCompile("['\u2019 \u00a0\u2007\u2009\u202f]")
	minusMarks = regexp.MustCompile("[\u2212\ufe63\uff0d]")
)

func newReference(y Style) *reference {
	digits, fraction := `[0-9]+`, `(?:\.[0-9]*)?`
	point := `\.`
	alone := `|\.[0-9]+`
	if y.Comma {
		point, fraction, alone = `,`, `(?:,[0-9]+)?`, `|,[0-9]+`
	}
	core := `(?:` + digits + fraction + alone + `)(?:[eE]` + signClass + `?[0-9]+)?`
	apart := map[byte]string{',': `,`, '.': `\.`, '\'': "['\u2019]", ' ': blankClass}[y.Thousands]
	if apart != "" {
		groups := `[1-9][0-9]{0,2}(?:` + apart + `[0-9]{3})+`
		if y.Thousands == ',' {
			groups = `(?:` + groups + `|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3})`
		}
		core = `(?:` + core + `|` + groups + `(?:` + point + `[0-9]+)?)`
	}
	r := &reference{style: y, number: regexp.MustCompile(`^(?P<sign>` + signClass + `?)(?P<core>` + core + `)$`)}
	if !y.Amount {
		return r
	}
	var units []string
	for _, set := range []map[string]bool{codes, wellKnown} {
		units = append(units, slices.Collect(maps.Keys(set))...)
	}
	unit := `(?:\p{Sc}|` + strings.Join(units, "|")
	for _, s := range letterSigns {
		unit += "|" + regexp.QuoteMeta(s)
	}
	dollar := `(?:` + strings.Join(slices.Collect(maps.Keys(dollars)), "|") + `)\$`
	before := `(?P<unit>` + unit + `|` + dollar + `))(?P<gap>` + blankClass + `?)`
	behind := `(?:` + blankClass + `?(?P<unit>` + unit + `|%))|` + blankClass + `(?P<unit>` + dollar + `))`
	thousands := `(?P<power>[KkMB]?)`
	core = `(?P<core>` + core + `)`
	number := core + thousands
	negative := core + `(?P<behind>` + minusClass + `)`
	for _, form := range []string{
		`(?P<sign>` + signClass + `?)` + number,
		`(?P<open>\()` + number + `\)`,
		negative,
		`(?P<sign>` + signClass + `?)` + before + number,
		before + `(?P<sign>` + signClass + `?)` + number,
		before + `(?P<open>\()` + number + `\)`,
		`(?P<open>\()` + before + number + `\)`,
		before + negative,
		`(?P<sign>` + signClass + `?)` + number + behind,
		`(?P<open>\()` + number + behind + `\)`,
		`(?P<open>\()` + number + `\)` + behind,
		negative + behind,
	} {
		r.amounts = append(r.amounts, regexp.MustCompile(`^`+form+`$`))
	}
	return r
}

func (r *reference) parse(s string) (float64, bool) {
	forms := r.amounts
	if forms == nil {
		forms = []*regexp.Regexp{r.number}
	}
	for _, form := range forms {
		m := form.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		group := map[string]string{}
		for i, name := range form.SubexpNames() {
			group[name] += m[i]
		}
		if v, ok := r.value(group); ok {
			return v, true
		}
	}
	return 0, false
}

func (r *reference) value(group map[string]string) (float64, bool) {
	core, unit, power := group["core"], group["unit"], group["power"]
	if unit == "¢" || unit == "￠" {
		return 0, false
	}
	mantissa, _, scientific := strings.Cut(strings.ToLower(core), "e")
	apart := apartForm.MatchString(mantissa)
	if power != "" && scientific {
		return 0, false
	}
	if group["behind"] != "" && !apart {
		return 0, false
	}
	lettered := letterEnd.MatchString(unit)
	if gap, has := group["gap"]; has && unit != "" && gap == "" && lettered && !apart && !wellKnown[unit] && unit != "%" {
		return 0, false
	}
	marked := unit != "" || power != "" || group["open"] != "" || group["behind"] != ""
	if marked && unit != "%" && zeroStart.MatchString(core) {
		return 0, false
	}
	text := apartMarks.ReplaceAllString(core, "")
	text = minusMarks.ReplaceAllString(text, "-")
	if r.style.Comma {
		text = strings.Replace(strings.ReplaceAll(text, ".", ""), ",", ".", 1)
	} else {
		text = strings.ReplaceAll(text, ",", "")
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if e, err := strconv.Atoi(text[i+1:]); err != nil || e > 500 || e < -500 {
			v, err := strconv.ParseFloat(text, 64) // too large for exact arithmetic
			return signed(v, group), err == nil
		}
	}
	exact, ok := new(big.Rat).SetString(strings.TrimSuffix(text, "."))
	if !ok {
		panic(text)
	}
	factor := map[string]int64{"": 1, "K": 1e3, "k": 1e3, "M": 1e6, "B": 1e9}[power]
	v, _ := exact.Mul(exact, big.NewRat(factor, 1)).Float64()
	return signed(v, group), !math.IsInf(v, 0)
}

func signed(v float64, group map[string]string) float64 {
	if sign := group["sign"]; group["open"] != "" || group["behind"] != "" || sign != "" && sign != "+" {
		return -v
	}
	return v
}

var references = func() (all []*reference) {
	for _, y := range styles {
		all = append(all, newReference(y))
	}
	return all
}()

// check compares what is known of a text with the references.
func check(t *testing.T, s string) {
	t.Helper()
	fits, needs := StylesOf(s)
	plain, isPlain := Number(s)
	for i, r := range references {
		got, ok := styles[i].Parse(s)
		want, valid := r.parse(s)
		if ok != valid || ok && math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%v.Parse(%q) = %v, %v, want %v, %v", styles[i], s, got, ok, want, valid)
		}
		if fits.at(i) != ok {
			t.Errorf("StylesOf(%q) has %v: %v; Parse: %v", s, styles[i], fits.at(i), ok)
		}
		if need := ok && !(isPlain && plain == got); ok && needs.at(i) != need && got != 0 {
			t.Errorf("StylesOf(%q) needs %v: %v", s, styles[i], needs.at(i))
		}
	}
}

var numberSeeds = []string{
	"1.5", "-1,935.30", "1.935,30 €", "($1,935.30)", "$(5)", "5-", "5.2-", "1 935,30", "1\u202f935", "1'935", "\u22121935.3", "1.9K", "EUR 5", "EUR5", "5 US$",
	"19.32%", "1e5", "1e-5%", "-$-5", "PEN123", "INR 007", "Rs.5", "kr.5,5", "1,935-", "5\u2212 €", "(5%)", "0,935", "012,345", "+$5", "+5 kr", "$.5", "$5.", "1e308K", "1e300", "$1e309", "5.%",
	"1.935", "1,935,000K", "5¢", "1e400", "1e5-", "1e\u22125", "5.5 Kč", "5.e5", "5K$", "5K US$", "5K%", "$ 5", "5.-", "Rs5", "Rs5.0", "3.e\u22125-", "A$5", "1\u2019000",
	"12,34,567.00", "1,23,456", "123,45,678", "1,23,45", "1,234,56,789", "1,23,456,789", "01,23,456", "₹1,23,456.50", "12.34.567", "12 34 567", "(₹12,34,567)", "Rs. 1,23,456",
}

func TestReference(t *testing.T) {
	for _, s := range numberSeeds {
		check(t, s)
	}
	for _, n := range []int{298, 299, 300, 308, 309, 320} {
		check(t, strings.Repeat("9", n))
		check(t, strings.Repeat("9", n)+"B")
		check(t, "0."+strings.Repeat("0", n)+"9B")
	}
	// All short texts of a small alphabet, and random longer ones.
	alphabet := []string{"1", "0", ",", ".", "-", " ", "$", "K", "(", ")", "%", "e", "00", "'", "EUR", "+"}
	for n := range len(alphabet) * len(alphabet) * len(alphabet) {
		s := ""
		for k := n; k > 0; k /= len(alphabet) {
			s += alphabet[k%len(alphabet)]
		}
		check(t, s)
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range numberSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) <= 400 { // the expressions are slow
			check(t, s)
		}
	})
}

// TestScaling checks that amounts of thousands are those that are written.
func TestScaling(t *testing.T) {
	for i := range 100000 {
		s := fmt.Sprintf("%d.%02dK", i/100, i%100)
		if v, ok := amounts.Parse(s); !ok || v != float64(i*10) {
			t.Fatalf("%s = %v, %v", s, v, ok)
		}
	}
}

func BenchmarkNumbers(b *testing.B) {
	for _, s := range []string{"7", "1935.30", "-0.30000000000000004", "2024-01-05", "Main Street"} {
		b.Run("Number/"+s, func(b *testing.B) {
			for b.Loop() {
				Number(s)
			}
		})
		b.Run("strconv/"+s, func(b *testing.B) {
			for b.Loop() {
				_, _ = strconv.ParseFloat(s, 64)
			}
		})
	}
	for _, s := range []string{"7", "1935.30", "1,935.30", "$1,935.30", "Main Street", "12 Main Street"} {
		b.Run("StylesOf/"+s, func(b *testing.B) {
			for b.Loop() {
				StylesOf(s)
			}
		})
		b.Run("NumberTally/"+s, func(b *testing.B) {
			var tally NumberTally
			for b.Loop() {
				tally.Add(s, 1)
			}
		})
	}
	b.Run("Parse/$1,935.30", func(b *testing.B) {
		for b.Loop() {
			if _, ok := usAmount.Parse("$1,935.30"); !ok {
				b.Fatal()
			}
		}
	})
}

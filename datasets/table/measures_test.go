package table

import (
	"strings"
	"testing"
)

// Numbers of several units are told, whether they are read as texts or as numbers.
func TestUnitsAreTold(t *testing.T) {
	for _, c := range []struct {
		name, values, declared string
		want                   string // in the note; "" for none about units
	}{
		{"units", "12 kg,500 g,3 kg", "", `"kg" (2 rows), "g" (1 row)`},
		{"one unit", "12 kg,500 kg", "", `"kg" (2 rows)`},
		{"units and plain numbers", "12 kg,500,7", "", `none (2 rows), "kg" (1 row)`},
		{"currencies", "$5,5 EUR,€7", "", `"EUR" (2 rows), "$" (1 row)`},
		{"currencies as numbers", "$5,5 EUR,€7", TypeNumeric, `as if they were of one: "EUR" (2 rows), "$" (1 row)`},
		{"percent as numbers", "50%,5,0", TypeNumeric, `"%" (1 row), none (1 row)`},
		{"one currency as numbers", "€5,5 EUR,0", TypeNumeric, ""},
		{"thousands as numbers", "5K,7M,12", TypeNumeric, ""},
		{"many units", "1 a,2 b,3 c,4 d,5 e,6 f,7 g,8 h,9 i,10 j", "", ""},
		{"codes", "12A,13B", "", ""},
		{"streets", "12 Main Street,5 Elm Road", "", ""},
		{"categories", "12 kg,500 g", TypeCategorical, ""},
	} {
		types := map[string]string{}
		if c.declared != "" {
			types["v"] = c.declared
		}
		s := mustRead(t, "v\n"+strings.ReplaceAll(c.values, ",", "\n")+"\n", Source{}, types).Column("v")
		if told := strings.Contains(s.Note, "unit"); told != (c.want != "") || !strings.Contains(s.Note, c.want) {
			t.Errorf("%s: note %q, want %q", c.name, s.Note, c.want)
		}
		if c.declared == TypeNumeric && s.Kind != Numeric {
			t.Errorf("%s: %v", c.name, s.Kind)
		}
	}
}

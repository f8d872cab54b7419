package forecast

import (
	"fmt"
	"strings"

	"debut/datasets/nearest"
)

// members by the names that run files have for them.
var members = []struct {
	name   string
	method Method
}{
	{"seasonal_naive", SeasonalNaive{}},
	{"drift", Drift{}},
	{"seasonal_mean", SeasonalMean{}},
	{"ets", ETS{}},
	{"damped_ets", ETS{Form: "ZZdZ"}},
	{"holt_winters", HoltWinters{}},
	{"arima", ARIMA{}},
	{"ces", CES{}},
	{"theta", ClassicTheta{}},
	{"dynamic_theta", Theta{Optimized: true, Dynamic: true}},
	{"mstl", MSTL{}},
	{"profile", Profile{}},
	{"regression", Regression{}},
	{"croston", Croston{SBA: true}},
	{"tsb", TSB{}},
}

// MemberNames lists the names that Member knows.
func MemberNames() []string {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.name
	}
	return names
}

// Member returns the method of a name.
func Member(name string) (Method, error) {
	for _, m := range members {
		if m.name == name {
			return m.method, nil
		}
	}
	return nil, fmt.Errorf("there is no method %q; there are %s%s", name, strings.Join(MemberNames(), ", "), nearest.DidYouMean(name, MemberNames()))
}

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

// pooledMembers by the names that run files have for them: they learn from all series.
var pooledMembers = []struct {
	name  string
	about func(periods []int, horizon int) Pooled
}{
	{"pooled", func([]int, int) Pooled { return PooledDemand{} }},
	{"pooled_ridge", func(periods []int, horizon int) Pooled {
		season := 1
		if len(periods) > 0 {
			season = periods[len(periods)-1]
		}
		return PooledRidge{Lags: max(season, 2*horizon, 8)}
	}},
}

// PooledMember returns the method of a name that learns from all series, for seasons and a horizon; false where it is no such name.
func PooledMember(name string, periods []int, horizon int) (Pooled, bool) {
	for _, m := range pooledMembers {
		if m.name == name {
			return m.about(periods, horizon), true
		}
	}
	return nil, false
}

// MemberNames lists the names that Member and PooledMember know.
func MemberNames() []string {
	var names []string
	for _, m := range members {
		names = append(names, m.name)
	}
	for _, m := range pooledMembers {
		names = append(names, m.name)
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

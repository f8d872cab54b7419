package storefront

import (
	"math"
	"time"
)

// daysUnknown stands for the days since the last visit of a new visitor in the
// truth: so long that nothing is left of the visit.
const daysUnknown = 1e6

// purchaseProbability returns the truth about a session: the probability that
// it ends in a purchase, a function of the published columns and of nothing
// else. The terms are chosen to be what a linear model over the columns misses.
func purchaseProbability(s *Session) float64 {
	month, hour := s.Time.Month(), s.Time.Hour()
	cart := float64(s.CartAdds)
	// How far the prices seen lie over those usual in the category.
	dear := math.Log(s.MeanPrice / categories[s.category].price)
	days := s.DaysSinceLastVisit
	if s.NewVisitor {
		days = daysUnknown
	}

	z := truthIntercept

	// Saturation: the first thing in the cart says most, as do the first minutes.
	z += 4.5 * (1 - math.Exp(-cart/0.8))
	z += 2.6 * (1 - math.Exp(-s.Minutes/6))
	// Browsing page after page with an empty cart is looking, not buying.
	if s.CartAdds == 0 && s.Pages > 12 {
		z -= 1.7
	}
	// Threshold: a visit that mostly bounces is lost.
	if s.BounceShare > 0.35 {
		z -= 2
	}
	z -= s.BounceShare

	// Prices deter above the usual only, and a discount that is noticed at all
	// (10 % and more) takes that back; small discounts do nothing.
	deterred := 2.8 * math.Max(0, dear-0.1)
	if s.Discount >= 10 {
		deterred *= math.Exp(-s.Discount / 15)
		z += 0.35 + 0.02*math.Min(s.Discount, 30)
	}
	z -= deterred

	// A recent visit is remembered; some things run out after a month.
	z += 1.3 * math.Exp(-days/6)
	if (s.category == categoryBeauty || s.category == categoryBooks) && days >= 21 && days <= 42 {
		z += 1.3
	}
	if s.NewVisitor {
		// A stranger does not buy what is dear.
		z -= 0.5
		if s.MeanPrice > 100 {
			z -= 1.1
		}
	}

	// Channel and device, together with who comes through them.
	switch s.channel {
	case channelEmail:
		z += 0.8
		if s.Discount >= 10 {
			z += 0.6
		}
	case channelAffiliate:
		z += 0.3
	case channelSocial, channelDisplay:
		z -= 0.7
	case channelPaid:
		if s.NewVisitor {
			z += 0.5
		}
	}
	switch s.device {
	case deviceApp:
		z += 0.6
	case deviceMobile:
		z -= 0.4
		// Phones are for the evening and for cheap things.
		if hour >= 19 && hour <= 22 && s.MeanPrice < 50 {
			z += 0.8
		}
	case deviceTV:
		z -= 1.5
	}

	return sigmoid(truthSharpness * (z + season(month, s.category, s.Weekend)))
}

// truthIntercept sets the share of purchases (about 13 %), truthSharpness how
// far the truth tells sessions apart (a Bayes AUC about 0.92).
const (
	truthIntercept = -6.2
	truthSharpness = 0.86
)

// season returns what the time of the year adds, by category.
func season(month time.Month, category int, weekend bool) float64 {
	z := 0.25 * math.Sin(2*math.Pi*(float64(month)-9)/12)
	switch category {
	case categoryElectronics, categoryToys, categoryGiftCards:
		if month == time.November || month == time.December {
			z += 1.2
		}
	case categoryGarden:
		if month >= time.April && month <= time.June {
			z += 1.2
		} else {
			z -= 0.6
		}
	}
	if weekend && category != categoryBooks {
		z += 0.25
	}
	return z
}

package response

import (
	"fmt"
	"math"
	"slices"
)

// Names returns the names that rows are numbered by.
func (m *Model) Names() *Names {
	n := &Names{Stores: m.Stores, Promotions: m.Promotions}
	for _, q := range m.Products {
		n.Products, n.Category = append(n.Products, q.Name), append(n.Category, int32(q.Category))
	}
	for _, c := range m.Categories {
		n.Categories = append(n.Categories, c.Name)
	}
	return n
}

// Check refuses a model whose numbers do not fit together, as one read from a file may be.
func (m *Model) Check() error {
	o := &m.Options
	if !slices.Contains([]string{LogLog, SemiLog, Logit}, o.Kind) || o.Horizon < 1 || o.Horizon > 1000 {
		return fmt.Errorf("kind %q with a horizon of %d", o.Kind, o.Horizon)
	}
	for _, c := range m.Categories {
		for _, f := range c.Features {
			if !m.valid(&c, f) {
				return fmt.Errorf("category %q: there is no feature %q %d of class %d", c.Name, f.Kind, f.Index, f.Class)
			}
		}
		for _, j := range c.Products {
			if j < 0 || int(j) >= len(m.Products) {
				return fmt.Errorf("category %q: there is no product %d", c.Name, j)
			}
		}
		if !(c.Scale >= 0) || math.IsInf(c.Scale, 0) || len(c.Carry) > 1000 {
			return fmt.Errorf("category %q: its scale is %v", c.Name, c.Scale)
		}
	}
	for i := range m.Products {
		q := &m.Products[i]
		if q.Category < 0 || q.Category >= len(m.Categories) {
			return fmt.Errorf("product %q: there is no category %d", q.Name, q.Category)
		}
		c := &m.Categories[q.Category]
		n := len(c.Features)
		if c.Rows > 0 && (len(q.Coefficients) != n || len(q.Covariance) != n*(n+1)/2 || len(q.Gradient) != 0 && len(q.Gradient) != n) {
			return fmt.Errorf("product %q: %d coefficients, %d covariances and %d weights for %d features", q.Name, len(q.Coefficients), len(q.Covariance), len(q.Gradient), n)
		}
		if int(q.Local) >= len(c.Products) || q.Local < 0 || c.Products[q.Local] != int32(i) {
			return fmt.Errorf("product %q is not the one of its number in the category", q.Name)
		}
		if q.Units > 0 && !(q.Usual > 0) {
			return fmt.Errorf("product %q: its usual price is %v", q.Name, q.Usual)
		}
		for _, x := range q.Members {
			if x.Store < 0 || int(x.Store) >= len(m.Stores) {
				return fmt.Errorf("product %q: there is no store %d", q.Name, x.Store)
			}
		}
	}
	return nil
}

func (m *Model) valid(c *Category, f feature) bool {
	most := 1
	switch f.Kind {
	case ownPrice, curvature, everywhere, noticed, competitor, control:
	case promotion:
		most = len(m.Promotions)
	case ending:
		most = len(m.Options.Endings)
	case dearer:
		most = len(knots) - 1
	case cross:
		most = len(c.Products)
	default:
		return false
	}
	return f.Index >= 0 && f.Index < most && f.Class >= 0 && f.Class < len(c.Classes)
}

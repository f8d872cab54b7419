package choice

import (
	"errors"
	"fmt"
	"math"
)

// Product is a product among others of which a customer takes one or none.
type Product struct {
	Appeal float64 // utility at a price of zero, that of buying nothing being zero
	Cost   float64 // of a unit, in money
}

// BestPrices returns the prices that bring most profit where customers choose by multinomial logit with the same price sensitivity for all
// products (utility falls by it for each unit of money), and the profit a customer. All products have the same markup then:
// 1/sensitivity + W(Σ exp(appeal − sensitivity·cost − 1))/sensitivity, W being Lambert's function.
//
// Source: Anderson, de Palma, Thisse, "Discrete Choice Theory of Product Differentiation" (1992); the closed form by Li and Huh, "Pricing Multiple
// Products with the Multinomial Logit and Nested Logit Models", M&SOM 13 (2011).
func BestPrices(products []Product, sensitivity float64) (prices []float64, profit float64, err error) {
	if !(sensitivity > 0) || math.IsInf(sensitivity, 0) {
		return nil, 0, fmt.Errorf("choice: a price sensitivity of %g: it must be above zero, else no price is too high", sensitivity)
	}
	if len(products) == 0 {
		return nil, 0, errors.New("choice: there are no products")
	}
	terms := make([]float64, len(products))
	for i, p := range products {
		terms[i] = p.Appeal - sensitivity*p.Cost - 1
		if math.IsNaN(terms[i]) || math.IsInf(terms[i], 0) {
			return nil, 0, fmt.Errorf("choice: product %d has an appeal of %g and a cost of %g: both must be numbers", i+1, p.Appeal, p.Cost)
		}
	}
	w := lambertOfExp(softmax(terms))
	prices = make([]float64, len(products))
	for i, p := range products {
		prices[i] = p.Cost + (1+w)/sensitivity
	}
	return prices, w / sensitivity, nil
}

// lambertOfExp returns W(exp(x)): the w with w + ln w = x, by Newton's method on that equation, whose left side is concave.
func lambertOfExp(x float64) float64 {
	w := math.Exp(math.Min(x, 0))
	if x > 1 {
		w = x - math.Log(x)
	}
	for range 100 {
		if w == 0 {
			return 0 // exp(x) is below all numbers
		}
		next := w * (1 + x - math.Log(w)) / (1 + w)
		if math.Abs(next-w) <= 1e-16*w {
			return next
		}
		w = next
	}
	return w
}

package datasets

import (
	"fmt"
	"math"
	"slices"

	"debut/datasets/personal"
	"debut/datasets/table"
	"debut/datasets/wording"
)

// What the words of a column's name say of its numbers: that they name things, or that they measure or count them after
// all.
var (
	idWords    = []string{"id", "ids", "code", "codes", "zip", "zipcode", "plz", "postal", "postcode", "sku", "upc", "ean", "gtin", "isbn", "asin", "fips"}
	thingWords = append(slices.Clone(idWords), "store", "shop", "user", "customer", "client", "member", "visitor", "session", "item", "product", "article", "variant", "category", "department", "dept",
		"branch", "warehouse", "supplier", "vendor", "seller", "campaign")
	figureWords = []string{"count", "counts", "num", "number", "n", "total", "sum", "avg", "mean", "median", "min", "max", "rate", "ratio", "share", "score", "size",
		"area", "age", "days", "hours", "minutes", "seconds", "months", "years", "since", "per", "price", "cost", "value", "amount", "revenue", "sales", "quantity",
		"qty", "length", "width", "height", "weight", "rank", "rating", "distance", "duration", "visits", "orders", "stock", "gap", "position"}
)

// namesThings reports a column of numbers that by its name, and by being whole, stand for things: to a model they
// should be categories.
func namesThings(s *table.Series) bool {
	if s.Kind != table.Numeric {
		return false
	}
	is := func(list []string) bool {
		return slices.ContainsFunc(personal.Words(s.Name), func(w string) bool { return slices.Contains(list, w) })
	}
	if !is(thingWords) || is(figureWords) {
		return false
	}
	first, several := math.NaN(), false
	for _, v := range s.Floats {
		if v != v {
			continue
		}
		if v < 0 || v != math.Trunc(v) {
			return false
		}
		if first != first {
			first = v
		}
		several = several || v != first
	}
	return several
}

// nameOfThings reports a name the last word of which is of things: a user, a store's code, but not the pages about a product.
func nameOfThings(name string) bool {
	words := personal.Words(name)
	return len(words) > 0 && slices.Contains(thingWords, words[len(words)-1])
}

// namesIDs reports a name with a word of ids anywhere: what stands behind it may be what they are of.
func namesIDs(name string) bool {
	return slices.ContainsFunc(personal.Words(name), func(w string) bool { return slices.Contains(idWords, w) })
}

// codeProblem is what a person should know of such a column that is a feature.
func codeProblem(name string) string {
	return fmt.Sprintf("column %s: by their name, its whole numbers stand for things, but they are read as quantities, of which a model expects that larger ones mean more", wording.Quote(name))
}

// codeRemedy is what to do about it.
func codeRemedy(name string, w table.Wording) string {
	return "if they name things, " + table.DeclareType(name, table.TypeCategorical).Text(w)
}

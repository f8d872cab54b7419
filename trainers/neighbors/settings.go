package neighbors

import (
	"math"

	"debut/datasets/configfile"
)

// Settings say how rows are compared. The defaults were chosen by recall@20 of buys drawn from the training part of a
// shop's log of views, carts and buys.
type Settings struct {
	Similarity string   `yaml:"similarity,omitempty" jsonschema:"enum=cosine,enum=jaccard,enum=pearson,enum=dot,description=cosine (default); jaccard: of what is there whatever its value; pearson: correlation of the values both have; dot: the bare product."`
	Weighting  string   `yaml:"weighting,omitempty" jsonschema:"enum=none,enum=tfidf,enum=bm25,description=cosine and dot: what values weigh. none; tfidf (default): square root times the rarity of the column; bm25: the same with values that saturate and long rows damped."`
	Shrinkage  *float64 `yaml:"shrinkage,omitempty" jsonschema:"minimum=0,description=A similarity from n common columns is multiplied by n/(n+shrinkage). Default 0."`
	Neighbors  *int     `yaml:"neighbors,omitempty" jsonschema:"minimum=0,description=How many of the most similar are kept; 0 keeps all. Default 10 items; 300 users."`
	BM25       BM25     `yaml:"bm25,omitempty" jsonschema:"description=Constants of weighting: bm25."`
}

// BM25 are the constants of a weighting.
type BM25 struct {
	K1 float64  `yaml:"k1,omitempty" jsonschema:"exclusiveMinimum=0,description=How late values saturate. Default 1.2."`
	B  *float64 `yaml:"b,omitempty" jsonschema:"minimum=0,maximum=1,description=How far long rows are damped: 0 not at all. Default 0.75."`
}

// Values of Settings.Similarity.
const (
	Cosine  = "cosine"
	Jaccard = "jaccard"
	Pearson = "pearson"
	Dot     = "dot"
)

// Values of Settings.Weighting.
const (
	None  = "none"
	TFIDF = "tfidf"
	BM    = "bm25"
)

// SetDefaults fills every empty field for a kind of model. It may be called repeatedly.
func (c *Settings) SetDefaults(kind string) {
	if c.Similarity == "" {
		c.Similarity = Cosine
	}
	if c.Weighting == "" {
		c.Weighting = None
		if c.Similarity == Cosine || c.Similarity == Dot {
			c.Weighting = TFIDF
		}
	}
	if c.Shrinkage == nil {
		c.Shrinkage = new(0.0)
	}
	if c.Neighbors == nil {
		c.Neighbors = new(10)
		if kind == KindUser {
			c.Neighbors = new(300)
		}
	}
	if c.Weighting == BM {
		if c.BM25.K1 == 0 {
			c.BM25.K1 = 1.2
		}
		if c.BM25.B == nil {
			c.BM25.B = new(0.75)
		}
	}
}

// Validate reports the first value that cannot be used, as a *configfile.FieldError.
func (c *Settings) Validate() error {
	for _, f := range []struct {
		path, value string
		allowed     []string
	}{{"similarity", c.Similarity, []string{Cosine, Jaccard, Pearson, Dot}}, {"weighting", c.Weighting, []string{None, TFIDF, BM}}} {
		if err := configfile.OneOf(f.path, f.value, f.allowed...); err != nil {
			return err
		}
	}
	if c.Weighting != None && c.Similarity != Cosine && c.Similarity != Dot {
		return configfile.Errorf("weighting", "%s takes the values as they are; set weighting: none, or similarity: cosine", c.Similarity)
	}
	if s := c.Shrinkage; s != nil && !(*s >= 0 && !math.IsInf(*s, 1)) {
		return configfile.Errorf("shrinkage", "%v must be a finite number that is not negative", *s)
	}
	if c.Neighbors != nil && *c.Neighbors < 0 {
		return configfile.Errorf("neighbors", "%d is negative; give a number from 1, or 0 for all", *c.Neighbors)
	}
	if c.Weighting != BM {
		if c.BM25 != (BM25{}) {
			return configfile.Errorf("bm25", "its constants are given, but weighting is %s", c.Weighting)
		}
		return nil
	}
	if !(c.BM25.K1 > 0) || math.IsInf(c.BM25.K1, 1) {
		return configfile.Errorf("bm25.k1", "%v must be a finite number above 0", c.BM25.K1)
	}
	if b := c.BM25.B; b != nil && !(*b >= 0 && *b <= 1) {
		return configfile.Errorf("bm25.b", "%v must be from 0 to 1", *b)
	}
	return nil
}

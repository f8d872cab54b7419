//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import "debut/kernels"

var _ kernels.FactorUpdates = (*Device)(nil)

type factorArgs struct {
	head
	users, items, userBias, itemBias, ratings, weights, hyper, loss mat
	samples, blocks                                                 mat
}

// factorThreads is a warp for each sample of a group.
const factorThreads = 32 * kernels.FactorGroup

// RatingUpdates binds steps of a factorization of ratings.
func (d *Device) RatingUpdates(a kernels.RatingUpdatesArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	launch(b, "rating_updates", dim{a.Blocks.Rows, 1, 1}, factorThreads, factorArgs{
		head: b.head(), users: b.matrix("Users", a.Users), items: b.matrix("Items", a.Items), userBias: b.matrix("UserBias", a.UserBias),
		itemBias: b.matrix("ItemBias", a.ItemBias), ratings: b.matrix("Ratings", a.Ratings), hyper: b.matrix("Hyper", a.Hyper),
		loss: b.matrix("Loss", a.Loss), samples: b.matrix("Samples", a.Samples), blocks: b.matrix("Blocks", a.Blocks),
	})
	return b.finish()
}

// PreferenceUpdates binds steps of Bayesian personalized ranking.
func (d *Device) PreferenceUpdates(a kernels.PreferenceUpdatesArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	launch(b, "preference_updates", dim{a.Blocks.Rows, 1, 1}, factorThreads, factorArgs{
		head: b.head(), users: b.matrix("Users", a.Users), items: b.matrix("Items", a.Items), itemBias: b.matrix("ItemBias", a.ItemBias),
		weights: b.matrix("Weights", a.Weights), hyper: b.matrix("Hyper", a.Hyper), loss: b.matrix("Loss", a.Loss),
		samples: b.matrix("Samples", a.Samples), blocks: b.matrix("Blocks", a.Blocks),
	})
	return b.finish()
}

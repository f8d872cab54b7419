package neighbors

import (
	"errors"
	"fmt"

	"debut/datasets/configfile"
	"debut/trainers/modelfolder"
	"debut/trainers/recommender"
	"debut/trainers/run"
	"debut/trainers/transfer"
)

// earlier reads what init_from names, nil where it names nothing: neighbors are found anew of what its users and those of the data have together, as if the
// events of both were one data set.
func (c *Config) earlier(env *run.Env) (*recommender.Earlier, string, error) {
	if c.InitFrom == "" {
		return nil, "", nil
	}
	from, place, err := c.openEarlier(env)
	if err != nil {
		return nil, "", c.Locate(configfile.Errorf("init_from", "%v", err))
	}
	return from, fmt.Sprintf("begun with %d pairs of %d users and %d items of %s", from.Histories.Len(), from.Users.Len(), from.Items.Len(), place), nil
}

func (c *Config) openEarlier(env *run.Env) (_ *recommender.Earlier, place string, err error) {
	if place, err = transfer.Place(c.InitFrom, env.BaseDir); err != nil {
		return nil, "", err
	}
	if transfer.IsFile(place) {
		return nil, "", errors.New("neighbors are found of what users have, which the folder of a run has; name that")
	}
	switch encrypted, err := modelfolder.Encrypted(place); {
	case err != nil:
		return nil, "", err
	case encrypted:
		return nil, "", fmt.Errorf("%s is encrypted, and a training takes no key for what it begins with; name a model that is not, or the earlier data among the sources", place)
	}
	r, err := modelfolder.Open(place)
	if err != nil {
		return nil, "", err
	}
	if r.Family() != Family {
		return nil, "", fmt.Errorf("%s is a model of the family %s, not of %s", place, r.Family(), Family)
	}
	m, err := Read(r, 1)
	if err != nil {
		return nil, "", err
	}
	return &recommender.Earlier{Shop: m.Shop, Config: &m.Config, Merge: true}, place, m.Close()
}

package datasets

import (
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/datasets/warning"
)

// Report says what Load read and did.
type Report struct {
	Rows                 int                     `json:"rows"` // read, before cleaning, from all sources
	Duplicates           int                     `json:"duplicates"`
	DroppedMissingTarget int                     `json:"dropped_missing_target"`
	Train                int                     `json:"train"` // rows of each part
	Validation           int                     `json:"validation"`
	Test                 int                     `json:"test"`
	Task                 string                  `json:"task"`
	Classes              []string                `json:"classes,omitempty"`
	Columns              []encoding.ColumnReport `json:"columns"`
	Read                 *table.Decisions        `json:"read,omitempty"` // of the rows' source
	Warnings             warning.List            `json:"warnings,omitempty"`
	Files                []table.FileHash        `json:"files"`
}

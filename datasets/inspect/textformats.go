package inspect

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"debut/datasets/table"
)

// hintRows is how many rows are looked at for a text format.
const hintRows = 200

var (
	libsvmLine = regexp.MustCompile(`^[-+]?[0-9.]+([eE][-+]?[0-9]+)?( +(qid|[0-9]+):[-+0-9.eE]+)+ *(#.*)?$`)
	libffmLine = regexp.MustCompile(`^[-+]?[0-9.]+([eE][-+]?[0-9]+)?( +[0-9]+:[0-9]+:[-+0-9.eE]+)+ *$`)
)

// textFormat recognizes a table of a single column of texts whose lines are those
// of a text format of the field, which are no CSV.
func textFormat(columns []*table.Series) *Warning {
	if len(columns) != 1 || columns[0].Kind != table.Text {
		return nil
	}
	s := columns[0]
	looked, libsvm, libffm, log := 0, 0, 0, 0
	var first []Example
	for i := 0; i < s.Len() && looked < hintRows; i++ {
		if s.Missing(i) {
			continue
		}
		line := s.Format(i)
		if looked < maxExamples {
			first = append(first, Example{Value: clip(line), row: i})
		}
		looked++
		switch fields := strings.Fields(line); {
		case libffmLine.MatchString(line):
			libffm++
		case libsvmLine.MatchString(line):
			libsvm++
		case len(fields) == 3 || len(fields) == 4:
			// user item rating [time]
			if _, err := strconv.ParseFloat(fields[2], 64); err == nil {
				log++
			}
		}
	}
	format := ""
	switch looked {
	case 0:
		return nil
	case libsvm:
		format = "libsvm"
	case libffm:
		format = "libffm"
	case log:
		format = "log"
	default:
		return nil
	}
	what := format + " file"
	if format == "log" {
		what = "log of user, item, rating and time"
	}
	return &Warning{Severity: Warn, Code: "text_format", Column: s.Name, Examples: first,
		Message:  fmt.Sprintf("the lines look like those of a %s, which is no CSV", what),
		Remedies: []Remedy{work(fmt.Sprintf("read it in a data.yaml: sources: {rows: {path: FILE, format: %s}}", format))}}
}

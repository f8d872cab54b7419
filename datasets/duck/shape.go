package duck

import (
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// shape finds out what the order of a query's rows and its values hang on.
type shape struct {
	aggregates map[string]bool
	named      []node // the WITH lists around what is looked at, innermost last
}

// order returns the order of the rows of a query.
func (s *shape) order(query node) Order {
	if slices.Contains(modifiers(query), "ORDER_MODIFIER") {
		return Given
	}
	if s.keeps(query) {
		return Kept
	}
	return Unordered
}

// modifiers are what stands behind a query: ORDER BY, LIMIT, and its DISTINCT.
func modifiers(query node) []string {
	var out []string
	list, _ := query["modifiers"].([]any)
	for _, m := range list {
		m, _ := m.(node)
		kind, _ := m["type"].(string)
		out = append(out, kind)
	}
	return out
}

// settled reports rows in an order of their own.
func (s *shape) settled(query any) bool {
	n, ok := query.(node)
	return ok && s.order(n) != Unordered
}

// keeps reports a query that leaves rows in the order of its tables.
func (s *shape) keeps(query node) bool {
	for _, m := range modifiers(query) {
		if m != "LIMIT_MODIFIER" {
			return false
		}
	}
	if with := named(query); len(with) > 0 {
		s.named = append(s.named, with)
		defer func() { s.named = s.named[:len(s.named)-1] }()
	}
	switch query["type"] {
	case "SET_OPERATION_NODE":
		return query["setop_type"] == "UNION" && query["setop_all"] == true && s.settled(query["left"]) && s.settled(query["right"])
	case "SELECT_NODE":
		return !grouped(query) && query["qualify"] == nil && query["sample"] == nil &&
			s.plain(query["select_list"], query["where_clause"]) && s.keepsTable(query["from_table"])
	}
	return false
}

// named returns the tables of a query's WITH.
func named(query node) node {
	list, _ := query["cte_map"].(node)
	entries, _ := list["map"].([]any)
	out := node{}
	for _, e := range entries {
		e, _ := e.(node)
		value, _ := e["value"].(node)
		name, _ := e["key"].(string)
		q, _ := value["query"].(node)
		out[strings.ToLower(name)] = q["node"]
	}
	return out
}

// grouped reports a query with GROUP BY or HAVING.
func grouped(query node) bool {
	groups, _ := query["group_expressions"].([]any)
	sets, _ := query["group_sets"].([]any)
	return len(groups)+len(sets) > 0 || query["having"] != nil || query["aggregate_handling"] != "STANDARD_HANDLING"
}

// plain reports expressions without aggregates, windows and subqueries, but for
// row_number() OVER (), which follows the rows.
func (s *shape) plain(expressions ...any) bool {
	ok := true
	walk(expressions, func(n node) bool {
		switch n["class"] {
		case "WINDOW", "SUBQUERY":
			ok = ok && numbers(n)
		case "FUNCTION":
			name, _ := n["function_name"].(string)
			ok = ok && !s.aggregates[strings.ToLower(name)]
		}
		return ok
	})
	return ok
}

func numbers(window node) bool {
	partitions, _ := window["partitions"].([]any)
	orders, _ := window["orders"].([]any)
	return window["type"] == "WINDOW_ROW_NUMBER" && len(partitions)+len(orders) == 0
}

// keepsTable reports a FROM item whose rows have an order.
func (s *shape) keepsTable(table any) bool {
	t, ok := table.(node)
	if !ok || t["sample"] != nil {
		return false
	}
	switch t["type"] {
	case "EMPTY", "EXPRESSION_LIST":
		return true
	case "TABLE_FUNCTION":
		return s.plain(t["function"])
	case "SUBQUERY":
		sub, _ := t["subquery"].(node)
		return s.settled(sub["node"])
	case "BASE_TABLE":
		name, _ := t["table_name"].(string)
		for _, with := range slices.Backward(s.named) {
			if q, ok := with[strings.ToLower(name)]; ok {
				return s.settled(q)
			}
		}
		return true
	}
	return false
}

// sorted reports an ORDER BY anywhere: which of tied rows comes first may show.
func sorted(query node) (found bool) {
	walk(query, func(n node) bool {
		orders, _ := n["orders"].([]any)
		found = found || len(orders) > 0
		return !found
	})
	return found
}

// anyOrder are the aggregates whose results do not depend on the order of rows,
// sums where they are not of floating-point numbers.
var anyOrder = []string{"count", "count_star", "sum", "min", "max", "bool_and", "bool_or", "bit_and", "bit_or", "bit_xor"}

// exactTypes are those of values that are equal only when all their bits are, and
// whose sums do not depend on their order.
var exactTypes = map[mapping.Type]bool{
	mapping.TypeBoolean: true, mapping.TypeTinyInt: true, mapping.TypeSmallInt: true, mapping.TypeInteger: true, mapping.TypeBigInt: true,
	mapping.TypeUTinyInt: true, mapping.TypeUSmallInt: true, mapping.TypeUInteger: true, mapping.TypeUBigInt: true,
	mapping.TypeHugeInt: true, mapping.TypeUHugeInt: true, mapping.TypeDecimal: true, mapping.TypeVarchar: true, mapping.TypeBlob: true,
	mapping.TypeDate: true, mapping.TypeTime: true, mapping.TypeTimestamp: true, mapping.TypeTimestampS: true, mapping.TypeTimestampMS: true,
	mapping.TypeTimestampNS: true, mapping.TypeTimestampTZ: true, mapping.TypeEnum: true, mapping.TypeUUID: true,
}

// threads reports a query whose rows, as a set, hang on no order, if the columns
// of its result are of exactTypes. It knows the usual ones: rows of tables and of
// their joins, distinct rows, and groups with their keys, counts, sums and bounds.
func (s *shape) threads(query node, order Order) bool {
	if len(named(query)) > 0 || sorted(query) {
		return false
	}
	if order == Kept {
		return true
	}
	if query["type"] != "SELECT_NODE" || query["having"] != nil || query["qualify"] != nil || query["sample"] != nil {
		return false
	}
	list, _ := query["modifiers"].([]any)
	for _, m := range list {
		m, _ := m.(node)
		on, _ := m["distinct_on_targets"].([]any)
		if m["type"] != "DISTINCT_MODIFIER" || len(on) > 0 {
			return false
		}
	}
	if !s.joined(query["from_table"]) || !s.plain(query["where_clause"], query["group_expressions"]) {
		return false
	}
	items, _ := query["select_list"].([]any)
	if !grouped(query) && s.plain(items) {
		return true
	}
	names := map[string]bool{}
	for _, item := range items {
		item, _ := item.(node)
		switch item["class"] {
		case "COLUMN_REF":
			names[lastName(item)] = true
			if alias, _ := item["alias"].(string); alias != "" {
				names[strings.ToLower(alias)] = true
			}
		case "FUNCTION":
			name, _ := item["function_name"].(string)
			if !slices.Contains(anyOrder, strings.ToLower(name)) || !s.plain(item["children"], item["filter"]) {
				return false
			}
		default:
			return false
		}
	}
	// Of keys that are equal without having the same bits, any may stand for its
	// group: the type of each has to be seen in the result.
	groups, _ := query["group_expressions"].([]any)
	for _, g := range groups {
		g, _ := g.(node)
		if g["class"] != "COLUMN_REF" || !names[lastName(g)] {
			return false
		}
	}
	return true
}

// lastName is the name of a column without that of its table.
func lastName(ref node) string {
	names, _ := ref["column_names"].([]any)
	if len(names) == 0 {
		return ""
	}
	name, _ := names[len(names)-1].(string)
	return strings.ToLower(name)
}

// joined reports a table, or joins of tables, that give the same rows in whatever
// order.
func (s *shape) joined(table any) bool {
	t, ok := table.(node)
	if !ok || t["type"] != "JOIN" {
		return s.keepsTable(table)
	}
	return t["sample"] == nil && slices.Contains([]any{"REGULAR", "NATURAL", "CROSS"}, t["ref_type"]) &&
		s.plain(t["condition"]) && s.joined(t["left"]) && s.joined(t["right"])
}

package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// profileMetrics are what the table tells of Nsight Compute's figures, and how their metrics are called here.
var profileMetrics = map[string]string{
	"Duration": "duration", "DRAM Throughput": "dram_percent", "Memory Throughput": "memory_percent", "Compute (SM) Throughput": "sm_percent",
	"Achieved Occupancy": "occupancy_percent", "Registers Per Thread": "registers",
}

// readProfile records the figures of the last step that Nsight Compute looked at.
func readProfile(c *check, p part, log string, s Status) []part {
	if s != passed {
		return nil
	}
	f, err := os.Open(log)
	if err == nil {
		var list []Record
		list, err = profileRecords(f)
		err = errors.Join(err, f.Close())
		for _, r := range list {
			r.Part = p.name
			c.records.add(r)
		}
		if err == nil && len(list) == 0 {
			err = errors.New("it has no figures")
		}
	}
	if err != nil {
		c.records.note(p.name, "reading the profile: %v", err)
	}
	return nil
}

// profileRecords reads the table that ncu --csv --page details writes among other lines. A step begins where its feed is put in its
// places.
func profileRecords(r io.Reader) ([]Record, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	begin := strings.Index(string(text), `"ID",`)
	if begin < 0 {
		return nil, errors.New("there is no table")
	}
	lines := csv.NewReader(strings.NewReader(string(text[begin:])))
	lines.FieldsPerRecord, lines.LazyQuotes = -1, true
	header, err := lines.Read()
	if err != nil {
		return nil, err
	}
	column := map[string]int{}
	for i, name := range header {
		column[name] = i
	}
	for _, name := range []string{"ID", "Kernel Name", "Metric Name", "Metric Unit", "Metric Value"} {
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("its table has no column %q", name)
		}
	}
	var all []Record
	step := 0 // where the last step begins
	last, unpacks := "", false
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(line) != len(header) {
			continue // what a program printed after it
		}
		id, kernel := line[column["ID"]], line[column["Kernel Name"]]
		kernel, _, _ = strings.Cut(kernel, "(")
		if id != last {
			now := kernel == "unpack"
			if now && !unpacks {
				step = len(all)
			}
			last, unpacks = id, now
		}
		metric, ok := profileMetrics[line[column["Metric Name"]]]
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.ReplaceAll(line[column["Metric Value"]], ",", ""), 64)
		if err != nil {
			continue // "n/a"
		}
		if metric == "duration" {
			metric = "microseconds"
			switch line[column["Metric Unit"]] {
			case "nsecond", "ns":
				v /= 1e3
			case "msecond", "ms":
				v *= 1e3
			case "second", "s":
				v *= 1e6
			}
		}
		all = append(all, Record{Case: id + " " + kernel, Metric: metric, Value: &v})
	}
	return slices.Clone(all[step:]), nil
}

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"debut/trainers/runfolder"
)

// notable are the modules whose versions matter to results.
var notable = []string{
	"github.com/duckdb/duckdb-go/v2", "github.com/duckdb/duckdb-go-bindings", "gorgonia.org/gorgonia", "gorgonia.org/tensor", "gonum.org/v1/gonum",
}

// versions are the program's own and those of its notable modules.
func versions() runfolder.Versions {
	v := runfolder.CurrentVersions(notable...)
	v.Debut = version
	return v
}

// versionLine is what version and --version print.
func versionLine(v runfolder.Versions) string {
	return fmt.Sprintf("debut %s (%s, %s)\n", v.Debut, v.Go, v.Platform)
}

func (a *app) version() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  takes(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			v := versions()
			if asJSON {
				return a.console.printJSON(v)
			}
			return a.console.print(versionLine(v))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, with the versions of notable modules")
	return cmd
}

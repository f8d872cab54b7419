package main

import (
	_ "embed"

	"github.com/spf13/cobra"
)

// simulatorPage says what the simulator assumes, and what the columns of its tables are.
//
//go:embed help/simulator.txt
var simulatorPage string

// simulatorHelp is a page of help: debut help simulator.
func simulatorHelp() *cobra.Command {
	return &cobra.Command{Use: "simulator", Short: "What data simulate assumes, and every column that it writes", Long: simulatorPage}
}

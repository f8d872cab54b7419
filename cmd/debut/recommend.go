package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/trainers/model"
	"debut/trainers/recommender"
)

func (a *app) recommend() *cobra.Command {
	var device deviceFlags
	var keys keyFlags
	var users, output string
	var history []string
	var items recommender.Rules
	var all, asJSON bool
	var k int
	var r model.Request
	var forItem string
	cmd := &cobra.Command{
		Use:   "recommend MODEL [USER...]",
		Short: "List the best items for users",
		Long: `List the best items for users, of a model that was trained on who did what with which item. MODEL is a run folder or its model/.
Users are named one by one, in a file of --users with one a line, or --all. What a user has already is left out. One whom the model
does not know gets what most users have, and that is said.

--history names files of what users have now, with the columns of the training data: whoever is in them, or who of them is named, gets a list by
that, in the place of what the model knows of him, if anything; items of his there are left out.

--items names a table of the items as they are now: what it does not have is not listed, nor what --where, a condition in SQL over its
columns, does not hold for. Scores are multiplied by --boost, a number in SQL. Of a --group, a column or another expression, a list has --at-most items.

--diversity makes items later in a list cost what they are like those before them. --explore gives the last places to items that few users have, or that are
in --items and new to the model; who gets which is drawn, and stays the same. --because names the item of the user's that speaks most for each.`,
		Example: `  debut recommend runs/neighbors u1042
  debut recommend runs/neighbors --users active.txt -k 50 -o lists.parquet
  debut recommend runs/neighbors --all -o lists.csv
  debut recommend runs/neighbors --history today.csv -o lists.csv
  debut recommend runs/neighbors u1042 --items items.csv --where "stock > 0" --boost "CASE WHEN pinned THEN 2 ELSE 1 END"
  debut recommend runs/neighbors u1042 --items items.csv --group category --at-most 3 --explore 2 --because
  debut recommend runs/neighbors --for-item i77 -k 100`,
		Args: takes(1, -1, "a model and users"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("for-item") {
				return a.audience(cmd, &device, &keys, args, strings.TrimSpace(forItem), k, r.Seen, asJSON)
			}
			r.Users, r.K = trimmed(args[1:]), k
			named := 0
			for _, given := range []bool{len(args) > 1, users != "", all} {
				if given {
					named++
				}
			}
			switch {
			case named == 0 && len(history) == 0:
				return usagef("name users behind the model, in a file with --users FILE, or take --all")
			case all && len(history) > 0:
				return usagef("--all are the users that the model knows, and --history says what others have: leave one of them out; without --all everybody in the history gets a list")
			case named > 1:
				return usagef("users are named behind the model, or in the file of --users, or --all of them: give one of these")
			case k < 1:
				return usagef("--k %d: a list has at least one item", k)
			case output == "" && all:
				return usagef("--all needs a file to write, --output lists.csv")
			}
			if !(r.Diversity >= 0 && r.Diversity <= 1) {
				return usagef("--diversity %v: give a number from 0, the best items, to 1", r.Diversity)
			}
			if r.Explore < 0 || r.Explore > k {
				return usagef("--explore %d: the last places of a list of %d; give a number from 0 to %d, or more items with --k", r.Explore, k, k)
			}
			if cmd.Flags().Changed("explore-below") && r.Explore == 0 {
				return usagef("--explore-below is about the items of --explore: say with that how many places they get")
			}
			if (items.Group == "") != (r.MostOfGroup == 0) || r.MostOfGroup < 0 {
				return usagef("--group and --at-most go together: --group category --at-most 3")
			}
			for _, name := range []string{"item-column", "where", "boost", "group", "timeout"} {
				switch flag := cmd.Flags().Lookup(name); {
				case !flag.Changed:
				case len(items.Source.Path) == 0:
					return usagef("--%s is about the columns of a table of items: name it with --items FILE", name)
				case strings.TrimSpace(flag.Value.String()) == "": // as of a variable that is not set
					return usagef("--%s is empty; leave it out, or give it a value", name)
				}
			}
			if len(args) == 1 {
				r.Users = nil
			}
			if users != "" {
				var err error
				if r.Users, err = readLines(users); err != nil {
					return err
				}
			}
			if output != "" {
				if ext := strings.ToLower(filepath.Ext(output)); !slices.Contains(outputExtensions, ext) {
					return usagef("--output %s: the format follows from the extension, one of %s", output, strings.Join(outputExtensions, ", "))
				}
				var inputs []string
				if users != "" {
					inputs = append(inputs, users)
				}
				inputs = append(inputs, history...)
				if err := checkOutput("--output", output, append(inputs, items.Source.Path...)); err != nil {
					return err
				}
			}
			if len(items.Source.Path) > 0 {
				var err error
				if r.Items, err = items.Read(cmd.Context(), ""); err != nil {
					return canceled(cmd.Context(), err)
				}
				a.console.log.Info("items", "listed", len(r.Items.Weights), "left out by --where", r.Items.Left)
			}
			to := &listOutput{path: output, rows: listRows{request: &r}}
			defer to.abort()
			err := withModel(&device, &keys, args[0], func(m model.Model) error {
				lists, ok := m.(model.Recommender)
				if !ok {
					return fmt.Errorf("%s: a model of the family %s does not recommend items%s", args[0], m.Family(), insteadOf(m))
				}
				if len(history) > 0 {
					if err := a.readHistories(cmd.Context(), args[0], m, history, &r); err != nil {
						return err
					}
				}
				for l, err := range lists.Recommend(cmd.Context(), r) {
					if err != nil {
						return err
					}
					if err := to.add(cmd.Context(), l); err != nil {
						return err
					}
				}
				return to.close(cmd.Context())
			})
			if err != nil {
				return canceled(cmd.Context(), err)
			}
			if to.folded > 0 {
				a.console.log.Info("lists by the history", "users", to.folded)
			}
			if to.others > 0 {
				a.console.log.Warn("users that the model does not know get what most users have", "users", to.others, "examples", to.strangers)
			}
			switch {
			case asJSON && output == "":
				return a.console.printJSON(struct {
					Model string       `json:"model"`
					Lists []model.List `json:"lists"`
				}{args[0], to.lists})
			case asJSON:
				return a.console.printJSON(struct {
					Model  string `json:"model"`
					Output string `json:"output"`
					Users  int    `json:"users"`
					Known  int    `json:"known"`            // or by their histories
					Folded int    `json:"folded,omitempty"` // of them, by their histories
				}{args[0], output, to.users, to.users - to.others, to.folded})
			case output != "":
				return a.console.print(fmt.Sprintf("%s: lists of %s users; columns %s\n", output, wording.Thousands(int64(to.users)), strings.Join(to.columns(), ", ")))
			}
			return a.console.print(listsTable("user", to.lists, &r))
		},
	}
	device.register(cmd)
	keys.register(a, cmd)
	cmd.Flags().StringVar(&users, "users", "", "file of users, one a line")
	cmd.Flags().StringSliceVar(&history, "history", nil, "files of what users have, read as the run's first source was: CSV, Parquet, JSON or the run's own format; - for standard input")
	cmd.Flags().BoolVar(&all, "all", false, "all users that the model knows")
	cmd.Flags().IntVarP(&k, "k", "k", 10, "items in a list")
	cmd.Flags().StringVar(&forItem, "for-item", "", "list the users to whom this item is to be shown first, instead of items for users")
	cmd.Flags().BoolVar(&r.Seen, "keep-seen", false, "list items too that a user has already")
	cmd.Flags().StringSliceVar(&r.SeenBy, "seen-by", nil, "kinds of event, such as buy, by which a user has an item already (default: all of them)")
	cmd.Flags().StringSliceVar((*[]string)(&items.Source.Path), "items", nil, "table of the items that may be listed: CSV, Parquet or JSON")
	cmd.Flags().StringVar(&items.Column, "item-column", "item", "column of --items with the ids")
	cmd.Flags().StringVar(&items.Where, "where", "", "condition in SQL over the columns of --items")
	cmd.Flags().StringVar(&items.Boost, "boost", "", "number in SQL over the columns of --items that scores are multiplied by")
	cmd.Flags().StringVar(&items.Group, "group", "", "what an item belongs to: a column of --items, or another text in SQL")
	cmd.Flags().IntVar(&r.MostOfGroup, "at-most", 0, "items of one group in a list")
	cmd.Flags().Float64Var(&r.Diversity, "diversity", 0, "how much it costs an item to be like others of the list, from 0 to 1; likeness is by the users they share")
	cmd.Flags().IntVar(&r.Explore, "explore", 0, "places of a list, the last, for items that are new")
	cmd.Flags().IntVar(&r.ExploreBelow, "explore-below", 10, "with --explore: an item is new that fewer users have")
	cmd.Flags().BoolVar(&r.Because, "because", false, "name for each item the one of the user's that speaks most for it")
	cmd.Flags().DurationVar(&items.Source.Timeout, "timeout", 0, "the most time that the SQL of --where, --boost and --group may take, such as 10s (default no limit)")
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write: .csv, .tsv, .jsonl or .parquet; an existing one is replaced")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the lists, or what was written, as JSON")
	return cmd
}

// readHistories has a model read what users have, for a request.
func (a *app) readHistories(ctx context.Context, folder string, m model.Model, files []string, r *model.Request) error {
	f, ok := m.(model.Folder)
	if !ok {
		return fmt.Errorf("%s: a model of the family %s makes no lists by a history; leave --history out", folder, m.Family())
	}
	src := table.Source{Path: files}
	remove, err := spool(ctx, &src)
	defer remove()
	if err != nil {
		return err
	}
	var report encoding.EncodeReport
	if r.Histories, report, err = f.ReadHistories(ctx, src, ""); err == nil {
		a.console.reportEncoding(report)
	}
	return err
}

// audience lists the users for an item.
func (a *app) audience(cmd *cobra.Command, device *deviceFlags, keys *keyFlags, args []string, item string, k int, seen, asJSON bool) error {
	var wrong error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"for-item", "k", "keep-seen", "json", "device", "threads", "precision", "identity", "passphrase", "quiet", "log-format"}, f.Name) {
			wrong = usagef("--%s is of lists of items; with --for-item leave it out", f.Name)
		}
	})
	switch {
	case wrong != nil:
		return wrong
	case len(args) > 1:
		return usagef("--for-item lists users for an item, and %q names one; leave it out", args[1])
	case item == "":
		return usagef("--for-item is empty; name an item")
	case k < 1:
		return usagef("--k %d: a list has at least one user", k)
	}
	var list model.List
	err := withModel(device, keys, args[0], func(m model.Model) error {
		audiencer, ok := m.(model.Audiencer)
		if !ok {
			return fmt.Errorf("%s: a model of the family %s does not know to whom an item is to be shown%s", args[0], m.Family(), insteadOf(m))
		}
		var err error
		if list, err = audiencer.AudienceOf(cmd.Context(), item, k, seen); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return nil
	})
	switch {
	case err != nil:
		return canceled(cmd.Context(), err)
	case asJSON:
		return a.console.printJSON(struct {
			Model  string    `json:"model"`
			Item   string    `json:"item"`
			Users  []string  `json:"users"`
			Scores []float32 `json:"scores"`
		}{args[0], list.User, list.Items, list.Scores})
	}
	rows := grid{{"user", "score"}}
	for i, u := range list.Items {
		rows = append(rows, []string{u, number(float64(list.Scores[i]))})
	}
	return a.console.print(rows.text())
}

func (a *app) similar() *cobra.Command {
	var device deviceFlags
	var keys keyFlags
	var asJSON bool
	var k int
	cmd := &cobra.Command{
		Use:     "similar MODEL ITEM...",
		Short:   "List the items most like others",
		Example: "  debut similar runs/neighbors i77",
		Args:    takes(2, -1, "a model and items"),
		RunE: func(_ *cobra.Command, args []string) error {
			if k < 1 {
				return usagef("--k %d: a list has at least one item", k)
			}
			var lists []model.List
			err := withModel(&device, &keys, args[0], func(m model.Model) error {
				s, ok := m.(model.Similarer)
				if !ok {
					return fmt.Errorf("%s: a model of the family %s does not know which items are alike%s", args[0], m.Family(), insteadOf(m))
				}
				for _, item := range args[1:] {
					l, err := s.Similar(item, k)
					if err != nil {
						return fmt.Errorf("%s: %w", args[0], err)
					}
					lists = append(lists, l)
				}
				return nil
			})
			if err != nil {
				return err
			}
			if asJSON {
				return a.console.printJSON(struct {
					Model string       `json:"model"`
					Lists []model.List `json:"lists"`
				}{args[0], lists})
			}
			return a.console.print(listsTable("item", lists, &model.Request{}))
		},
	}
	device.register(cmd)
	keys.register(a, cmd)
	cmd.Flags().IntVarP(&k, "k", "k", 10, "items in a list")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// trimmed removes blanks around ids, as reading them from data does.
func trimmed(ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = strings.TrimSpace(id)
	}
	return out
}

// maxLine bounds a line of a file of users, which is an id.
const maxLine = 1 << 20

// readLines reads a file of ids, one a line; blank lines are left out.
func readLines(path string) (lines []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer closing(f, &err)
	in := bufio.NewScanner(f)
	in.Buffer(nil, maxLine)
	number := 0
	for in.Scan() {
		number++
		line := strings.TrimSpace(strings.TrimPrefix(in.Text(), "\ufeff"))
		if !utf8.ValidString(line) || strings.ContainsRune(line, 0) {
			return nil, fmt.Errorf("%s:%d: it is no text in UTF-8; write one user a line, not compressed", path, number)
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	if err := in.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return nil, fmt.Errorf("%s:%d: a line of more than %d bytes is no user; write one a line", path, number+1, maxLine)
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s names no user; write one a line", path)
	}
	return lines, nil
}

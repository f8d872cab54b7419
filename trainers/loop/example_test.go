package loop_test

import (
	"fmt"
	"log"

	"debut/trainers/loop"
)

// The loop says what a training does next; whoever drives it does that.
func Example() {
	l, err := loop.New(loop.Plan{Rows: 5, Batch: 3, Epochs: 2, Evaluate: true, Higher: true, Patience: 1})
	if err != nil {
		log.Fatal(err)
	}
	for {
		switch e := l.Next(); e.Kind {
		case loop.Batch:
			fmt.Println("train on rows", e.Rows)
		case loop.Evaluate:
			verdict, err := l.Observe(0.8)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println("best so far:", verdict.Improved)
		case loop.EpochEnd:
			fmt.Println("end of epoch", e.Epoch+1)
		case loop.Done:
			fmt.Println(l.State().Stopped)
			return
		}
	}
	// Output:
	// train on rows [0 1]
	// train on rows [2 3 4]
	// best so far: true
	// end of epoch 1
	// train on rows [0 1]
	// train on rows [2 3 4]
	// best so far: false
	// end of epoch 2
	// early_stopping
}

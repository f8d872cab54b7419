// Package engine turns gorgonia expression graphs into programs of bound kernels, and trains with them.
//
// A [Graph] is built once from the ops of engine/ops: inputs, parameters, lookups into embedding tables, a loss.
// gorgonia infers shapes and differentiates. [Compile] walks the graph from the outputs asked for, drops what is dead,
// fuses neighbors, plans memory by liveness and binds kernels on a device: a [Program]. A [Trainer] adds what a step
// needs around it: gradients accumulated, sparse gradients reduced, clipping, optimizer, running statistics.
//
// A graph is built for the largest batch. A smaller one is the same program with fewer rows: batch-leading matrices
// are row-major, so a part of the batch is a prefix. Parameters live in [Parameters], by name, so that a training and
// an evaluation graph share them. Embedding tables live there too; a step touches only the rows of its batch.
package engine

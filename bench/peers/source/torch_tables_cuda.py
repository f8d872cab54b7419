"""Looking up rows of a large table, the gradient of that, and Adam, in PyTorch on a GPU: the work of debut's measurement of tables.

Run with ROWS WIDTH BATCH FIELDS SECONDS DISTRIBUTION, uniform or zipf. Answers with a line of JSON for each way to do it as soon as it is
measured:

  sparse         gradients of the rows looked up, SparseAdam
  dense          gradients of the whole table, fused Adam
  dense-graph    the same, captured as a CUDA graph

The gradient of what is looked up is given, as it is there. Ids lie on the GPU, in eight batches taken in turn.
"""

import json
import math
import sys
import time

import torch

SETS = 8


def ids(generator, rows, shape, zipf):
    u = torch.rand(shape, generator=generator, dtype=torch.float64)
    if not zipf:
        return (u * rows).long().clamp_(max=rows - 1).cuda()
    rank = (torch.exp(u * math.log(rows + 1)) - 1).long()
    return ((rank * 2654435761) % rows).cuda()


def answer(value):
    print(json.dumps(value), flush=True)


def measure(mode, rows, width, batches, grad, seconds):
    sparse = mode == "sparse"
    table = torch.nn.Embedding(rows, width, sparse=sparse, device="cuda")
    if sparse:
        optimizer = torch.optim.SparseAdam(table.parameters())
    else:
        optimizer = torch.optim.Adam(table.parameters(), fused=True, capturable=mode == "dense-graph")

    def step(batch):
        optimizer.zero_grad(set_to_none=True)
        table(batch).backward(grad)
        optimizer.step()

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for batch in batches[:3]:
            step(batch)
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    work = lambda: [step(batch) for batch in batches]
    if mode == "dense-graph":
        graph = torch.cuda.CUDAGraph()
        optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            for batch in batches:
                step(batch)
        work = graph.replay
    work()
    torch.cuda.synchronize()
    start, steps = time.perf_counter(), 0
    while True:
        work()
        torch.cuda.synchronize()
        steps += SETS
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return steps / elapsed


def main():
    if not torch.cuda.is_available():
        answer({"absent": f"PyTorch {torch.__version__} finds no GPU"})
        return
    rows, width, batch, fields = (int(a) for a in sys.argv[1:5])
    seconds, zipf = float(sys.argv[5]), sys.argv[6] == "zipf"
    generator = torch.Generator().manual_seed(7)
    batches = [ids(generator, rows, (batch, fields), zipf) for _ in range(SETS)]
    grad = torch.rand(batch, fields, width, device="cuda") - 0.5
    for mode in ("sparse", "dense", "dense-graph"):
        try:
            answer({"mode": mode, "rows_per_second": measure(mode, rows, width, batches, grad, seconds) * batch})
        except Exception as e:  # a way that this version cannot go must not end the others
            answer({"mode": mode, "error": f"{type(e).__name__}: {e}"[:2000]})
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()

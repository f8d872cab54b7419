"""The training step of debut's mlp suite in PyTorch.

Run with a folder that holds mlp.json and raw float32 files. Reads requests from standard input, one a line, and answers
each with a line of JSON:

  set THREADS FOREACH   start again from the initial weights, with so many threads and one kind of Adam
  loss STEPS            train so many steps; the loss of the next batch, which trains too
  run SECONDS           train for a time: steps and seconds
"""

import json
import os
import sys
import time

import torch


def libraries():
    """The BLAS that the process has loaded, by file name."""
    found = set()
    try:
        with open("/proc/self/maps", encoding="utf-8") as maps:
            for line in maps:
                name = os.path.basename(line.split()[-1])
                if "blas" in name or "mkl" in name:
                    found.add(name)
    except OSError:
        pass
    return ", ".join(sorted(found)) or "its own BLAS"


class Task:
    def __init__(self, folder):
        with open(os.path.join(folder, "mlp.json"), encoding="utf-8") as f:
            self.spec = json.load(f)
        self.folder = folder
        self.read()
        self.order = torch.tensor(self.spec["order"], dtype=torch.int64)
        self.set(1, 0)

    def read(self):
        widths, rows = self.spec["widths"], self.spec["rows"]
        self.x = self.load("x", rows, widths[0])
        self.y = self.load("y", rows, widths[-1])

    def load(self, name, *shape):
        size = 1
        for n in shape:
            size *= n
        path = os.path.join(self.folder, name + ".f32")
        return torch.from_file(path, shared=False, size=size, dtype=torch.float32).reshape(shape).clone()

    def set(self, threads, foreach):
        torch.set_num_threads(threads)
        widths, layers = self.spec["widths"], []
        for i, (n, m) in enumerate(zip(widths[:-2], widths[1:-1])):
            dense = torch.nn.Linear(n, m, bias=False)
            norm = torch.nn.BatchNorm1d(m, eps=1e-5, momentum=0.1)
            with torch.no_grad():
                dense.weight.copy_(self.load(f"hidden.{i}.weight", n, m).t())
                norm.weight.copy_(self.load(f"hidden.{i}.norm.gamma", m))
                norm.bias.copy_(self.load(f"hidden.{i}.norm.beta", m))
            layers += [dense, norm, torch.nn.ReLU(inplace=True)]
        last = torch.nn.Linear(widths[-2], widths[-1])
        with torch.no_grad():
            last.weight.copy_(self.load("output.weight", widths[-2], widths[-1]).t())
            last.bias.copy_(self.load("output.bias", widths[-1]))
        self.model = torch.nn.Sequential(*layers, last)
        self.model.train()
        adam = self.spec["adam"]
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=adam["rate"], betas=(adam["beta1"], adam["beta2"]), eps=adam["epsilon"],
            foreach=bool(foreach))
        self.criterion = torch.nn.BCEWithLogitsLoss()
        self.at = 0
        return {}

    def step(self):
        batch = self.spec["batch"]
        rows = self.order[self.at:self.at + batch]
        self.at = (self.at + batch) % len(self.order)
        x = self.x.index_select(0, rows)
        y = self.y.index_select(0, rows)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.criterion(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def loss(self, steps):
        for _ in range(steps):
            self.step()
        return {"loss": self.step().item()}

    def run(self, seconds):
        start, steps = time.perf_counter(), 0
        while True:
            self.step()
            steps += 1
            elapsed = time.perf_counter() - start
            if elapsed >= seconds:
                return {"runs": steps, "seconds": elapsed}


def answer(value):
    print(json.dumps(value), flush=True)


def main(kind=Task):
    task = kind(sys.argv[1])
    task.step()  # loads what is loaded late
    answer({"version": f"PyTorch {torch.__version__} with {libraries()}"})
    for line in sys.stdin:
        words = line.split()
        if words[0] == "set":
            answer(task.set(int(words[1]), int(words[2])))
        elif words[0] == "loss":
            answer(task.loss(int(words[1])))
        elif words[0] == "run":
            answer(task.run(float(words[1])))
        else:
            answer({"error": f"unknown request {line!r}"})


if __name__ == "__main__":
    main()

"""The work of debut's neighbors suite in implicit.

Run with a folder that holds items.json and the raw matrix of users by items. Reads requests from standard input, one a line, and
answers each with a line of JSON:

  set WORK THREADS   do this work from now on: similar or top20
  loss               the sum of the similarities kept, without those of items with themselves
  run SECONDS        do the work for a time: runs and seconds
"""

import json
import os
import sys
import time


def absent(what):
    print(json.dumps({"absent": what}), flush=True)
    sys.exit(0)


try:
    import numpy
    import scipy.sparse
    import implicit
    from implicit.nearest_neighbours import CosineRecommender
except ImportError as missing:
    absent(f"the Python of DEBUT_IMPLICIT has no {missing.name}; install implicit, numpy and scipy for it")


class Task:
    def __init__(self, folder):
        with open(os.path.join(folder, "items.json"), encoding="utf-8") as f:
            self.spec = json.load(f)

        def load(name, kind):
            return numpy.fromfile(os.path.join(folder, name), dtype=kind)

        shape = (self.spec["users"], self.spec["items"])
        self.matrix = scipy.sparse.csr_matrix((load("values.f32", "<f4"), load("indices.i32", "<i4"), load("offsets.i32", "<i4")), shape=shape)
        self.users = numpy.arange(shape[0])
        self.model = None
        self.work, self.threads = "similar", 1

    def set(self, work, threads):
        self.work, self.threads = work, threads
        self.model = None
        return {}

    def fit(self):
        # An item is the most similar to itself, and takes one of the places.
        model = CosineRecommender(K=self.spec["neighbors"] + 1, num_threads=self.threads)
        model.fit(self.matrix, show_progress=False)
        return model

    def once(self):
        if self.work == "similar":
            self.model = self.fit()
            return
        if self.model is None:
            self.model = self.fit()
        self.model.recommend(self.users, self.matrix, N=self.spec["k"], filter_already_liked_items=True)

    def loss(self):
        if self.model is None:
            self.model = self.fit()
        s = self.model.similarity
        return {"loss": float(s.sum(dtype=numpy.float64) - s.diagonal().sum(dtype=numpy.float64))}

    def run(self, seconds):
        if self.work != "similar" and self.model is None:
            self.model = self.fit()
        start, runs = time.perf_counter(), 0
        while True:
            self.once()
            runs += 1
            elapsed = time.perf_counter() - start
            if elapsed >= seconds:
                return {"runs": runs, "seconds": elapsed}


def answer(value):
    print(json.dumps(value), flush=True)


def main():
    task = Task(sys.argv[1])
    answer({"version": f"implicit {implicit.__version__}"})
    for line in sys.stdin:
        words = line.split()
        if words[0] == "set":
            answer(task.set(words[1], int(words[2])))
        elif words[0] == "loss":
            answer(task.loss())
        elif words[0] == "run":
            answer(task.run(float(words[1])))
        else:
            answer({"error": f"unknown request {line!r}"})


if __name__ == "__main__":
    main()

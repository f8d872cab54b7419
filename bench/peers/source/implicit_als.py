"""Alternating least squares of debut's factorization suite in implicit.

Run with a folder that holds als.json and the raw matrix of users by items. Reads requests from standard input, one a line, and
answers each with a line of JSON:

  set THREADS      train on so many threads from now on, from the beginning
  factors PASSES   train anew for so many passes and write users.f32 and items.f32 into the folder
  run SECONDS      train on for a time: runs, which are passes over users and items, and seconds
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
    from implicit.cpu.als import AlternatingLeastSquares
except ImportError as missing:
    absent(f"the Python of DEBUT_IMPLICIT has no {missing.name}; install implicit, numpy and scipy for it")

# Passes of a call of fit, which transposes the matrix each time.
PASSES = 5


class Task:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "als.json"), encoding="utf-8") as f:
            self.spec = json.load(f)

        def load(name, kind):
            return numpy.fromfile(os.path.join(folder, name), dtype=kind)

        shape = (self.spec["users"], self.spec["items"])
        self.matrix = scipy.sparse.csr_matrix((load("values.f32", "<f4"), load("indices.i32", "<i4"), load("offsets.i32", "<i4")), shape=shape)
        self.threads = 1
        self.begin()

    def begin(self):
        self.model = AlternatingLeastSquares(
            factors=self.spec["factors"], regularization=self.spec["regularization"], alpha=1.0, use_cg=True,
            num_threads=self.threads, iterations=PASSES, random_state=1)

    def set(self, threads):
        self.threads = threads
        self.begin()
        return {}

    def fit(self, passes):
        self.model.iterations = passes
        self.model.fit(self.matrix, show_progress=False)

    def factors(self, passes):
        self.begin()
        self.fit(passes)
        for name, x in (("users", self.model.user_factors), ("items", self.model.item_factors)):
            numpy.ascontiguousarray(x, dtype="<f4").tofile(os.path.join(self.folder, name + ".f32"))
        return {"loss": passes}

    def run(self, seconds):
        start, runs = time.perf_counter(), 0
        while True:
            self.fit(PASSES)
            runs += PASSES
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
            answer(task.set(int(words[1])))
        elif words[0] == "factors":
            answer(task.factors(int(words[1])))
        elif words[0] == "run":
            answer(task.run(float(words[1])))
        else:
            answer({"error": f"unknown request {line!r}"})


if __name__ == "__main__":
    main()

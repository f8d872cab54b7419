"""What the programs that work in implicit have in common: the matrix, runs for a time, and requests."""

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
except ImportError as missing:
    absent(f"the Python of DEBUT_IMPLICIT has no {missing.name}; install implicit, numpy and scipy for it")


class Work:
    """A folder's work, described in a file, on the raw matrix of users by items beside it."""

    def __init__(self, folder, file):
        self.folder = folder
        with open(os.path.join(folder, file), encoding="utf-8") as f:
            self.spec = json.load(f)

        def load(name, kind):
            return numpy.fromfile(os.path.join(folder, name), dtype=kind)

        shape = (self.spec["users"], self.spec["items"])
        self.matrix = scipy.sparse.csr_matrix((load("values.f32", "<f4"), load("indices.i32", "<i4"), load("offsets.i32", "<i4")), shape=shape)

    def ready(self):
        """Does what is not to be measured."""

    def run(self, seconds):
        """Does the work for a time. once() does it and returns how many runs that are."""
        self.ready()
        start, runs = time.perf_counter(), 0
        while True:
            runs += self.once()
            elapsed = time.perf_counter() - start
            if elapsed >= seconds:
                return {"runs": runs, "seconds": elapsed}


def answer(value):
    print(json.dumps(value), flush=True)


def serve(requests):
    """Answers requests, each by the function of its name, of the words behind it."""
    answer({"version": f"implicit {implicit.__version__}"})
    for line in sys.stdin:
        name, *words = line.split()
        if name in requests:
            answer(requests[name](*words))
        else:
            answer({"error": f"unknown request {line!r}"})

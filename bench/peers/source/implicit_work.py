"""What the programs that work in implicit have in common: the matrix, runs for a time, and requests."""

import json
import os

import serving

try:
    import numpy
    import scipy.sparse
    import implicit
except ImportError as missing:
    serving.absent(f"the Python of DEBUT_IMPLICIT has no {missing.name}; install implicit, numpy and scipy for it")


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
        return serving.repeat(seconds, self.once)


def serve(requests):
    serving.serve(f"implicit {implicit.__version__}", requests)

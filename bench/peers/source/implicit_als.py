"""Alternating least squares of debut's factorization suite in implicit.

Run with a folder that holds als.json and the raw matrix of users by items. Reads requests from standard input, one a line, and
answers each with a line of JSON:

  set THREADS      train on so many threads from now on, from the beginning
  factors PASSES   train anew for so many passes and write users.f32 and items.f32 into the folder
  run SECONDS      train on for a time: runs, which are passes over users and items, and seconds
"""

import os
import sys

import implicit_work
import numpy
from implicit.cpu.als import AlternatingLeastSquares

# Passes of a call of fit, which transposes the matrix each time.
PASSES = 5


class Squares(implicit_work.Work):
    def __init__(self, folder):
        super().__init__(folder, "als.json")
        self.set(1)

    def begin(self):
        self.model = AlternatingLeastSquares(
            factors=self.spec["factors"], regularization=self.spec["regularization"], alpha=1.0, use_cg=True,
            num_threads=self.threads, iterations=PASSES, random_state=1)

    def set(self, threads):
        self.threads = int(threads)
        self.begin()
        return {}

    def fit(self, passes):
        self.model.iterations = passes
        self.model.fit(self.matrix, show_progress=False)
        return passes

    def once(self):
        return self.fit(PASSES)

    def factors(self, passes):
        self.begin()
        done = self.fit(int(passes))
        for name, x in (("users", self.model.user_factors), ("items", self.model.item_factors)):
            numpy.ascontiguousarray(x, dtype="<f4").tofile(os.path.join(self.folder, name + ".f32"))
        return {"loss": done}


work = Squares(sys.argv[1])
implicit_work.serve({"set": work.set, "factors": work.factors, "run": lambda seconds: work.run(float(seconds))})

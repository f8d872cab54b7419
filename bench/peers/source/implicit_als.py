"""Alternating least squares of debut's factorization suite in implicit.

Run with a folder that holds als.json and the raw matrix of users by items. Reads requests from standard input, one a line, and
answers each with a line of JSON:

  set WORK THREADS   do this work on so many threads from now on: als, training from the beginning, or topk, the lists of all users by
                     the factors in users.f32 and items.f32
  factors PASSES     train anew for so many passes and write users.f32 and items.f32 into the folder
  lists              write the items of the lists to lists.i32
  run SECONDS        work for a time: runs, which are passes over users and items or over the lists, and seconds
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
        self.all = numpy.arange(self.spec["users"])

    def begin(self):
        self.model = AlternatingLeastSquares(
            factors=self.spec["factors"], regularization=self.spec["regularization"], alpha=1.0, use_cg=True,
            num_threads=self.threads, iterations=PASSES, random_state=1)

    def set(self, work, threads):
        self.work, self.threads = work, int(threads)
        self.begin()
        if work == "topk":
            for side in ("users", "items"):
                x = numpy.fromfile(os.path.join(self.folder, side + ".f32"), dtype="<f4")
                setattr(self.model, side[:-1] + "_factors", x.reshape(-1, self.spec["factors"]))
        return {}

    def fit(self, passes):
        self.model.iterations = passes
        self.model.fit(self.matrix, show_progress=False)
        return passes

    def recommend(self):
        items, _ = self.model.recommend(self.all, self.matrix, N=self.spec["k"], filter_already_liked_items=True)
        return items

    def once(self):
        if self.work == "topk":
            self.recommend()
            return 1
        return self.fit(PASSES)

    def lists(self):
        numpy.ascontiguousarray(self.recommend(), dtype="<i4").tofile(os.path.join(self.folder, "lists.i32"))
        return {}

    def factors(self, passes):
        self.begin()
        done = self.fit(int(passes))
        for name, x in (("users", self.model.user_factors), ("items", self.model.item_factors)):
            numpy.ascontiguousarray(x, dtype="<f4").tofile(os.path.join(self.folder, name + ".f32"))
        return {"loss": done}


work = Squares(sys.argv[1])
implicit_work.serve({"set": work.set, "factors": work.factors, "lists": work.lists, "run": lambda seconds: work.run(float(seconds))})

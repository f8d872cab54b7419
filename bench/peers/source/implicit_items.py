"""The work of debut's neighbors suite in implicit.

Run with a folder that holds items.json and the raw matrix of users by items. Reads requests from standard input, one a line, and
answers each with a line of JSON:

  set WORK THREADS   do this work from now on: similar or top20
  loss               the sum of the similarities kept, without those of items with themselves
  run SECONDS        do the work for a time: runs and seconds
"""

import sys

import implicit_work
import numpy
from implicit.nearest_neighbours import CosineRecommender


class Items(implicit_work.Work):
    def __init__(self, folder):
        super().__init__(folder, "items.json")
        self.users = numpy.arange(self.spec["users"])
        self.set("similar", 1)

    def set(self, work, threads):
        self.work, self.threads = work, int(threads)
        self.model = None
        return {}

    def fit(self):
        # An item is the most similar to itself, and takes one of the places.
        self.model = CosineRecommender(K=self.spec["neighbors"] + 1, num_threads=self.threads)
        self.model.fit(self.matrix, show_progress=False)

    def ready(self):
        if self.work != "similar" and self.model is None:
            self.fit()

    def once(self):
        if self.work == "similar":
            self.fit()
        else:
            self.model.recommend(self.users, self.matrix, N=self.spec["k"], filter_already_liked_items=True)
        return 1

    def loss(self):
        if self.model is None:
            self.fit()
        s = self.model.similarity
        return {"loss": float(s.sum(dtype=numpy.float64) - s.diagonal().sum(dtype=numpy.float64))}


work = Items(sys.argv[1])
implicit_work.serve({"set": work.set, "loss": work.loss, "run": lambda seconds: work.run(float(seconds))})

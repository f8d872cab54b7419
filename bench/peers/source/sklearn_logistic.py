"""Logistic regression of debut's linear suite in scikit-learn.

Run with a folder that holds logistic.json and the rows, raw: numbers, ids and targets. Reads requests from standard input, one a
line, and answers each with a line of JSON:

  set SOLVER FORM   fit by a solver, on a matrix that is dense or sparse, from now on
  fit               fit once and write theta.f64, the intercept first, into the folder: seconds, and the solver's iterations
  run SECONDS       fit again and again for a time: runs and seconds
"""

import json
import os
import sys
import time
import warnings

import serving

try:
    import numpy
    import scipy.sparse
    import sklearn
    from sklearn.linear_model import LogisticRegression
except ImportError as missing:
    serving.absent(f"Python has no {missing.name}; Debian's package is python3-sklearn")

# A solver that has not come as near as asked is told by its weights, which are compared.
warnings.filterwarnings("ignore")


class Logistic:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "logistic.json"), encoding="utf-8") as f:
            self.spec = json.load(f)
        rows, d, cardinalities = self.spec["rows"], self.spec["d"], self.spec["cardinalities"]
        numbers = self.load("numbers", "<f4").reshape(rows, d).astype(numpy.float64)
        ids = self.load("ids", "<i4").reshape(rows, len(cardinalities))
        self.y = self.load("targets", "<f4").astype(int)
        parts = [scipy.sparse.csr_matrix(numbers)]
        for k, values in enumerate(cardinalities):
            parts.append(scipy.sparse.csr_matrix((numpy.ones(rows), ids[:, k], numpy.arange(rows + 1)), shape=(rows, values)))
        self.sparse = scipy.sparse.hstack(parts, format="csr")

    def load(self, name, kind):
        return numpy.fromfile(os.path.join(self.folder, name + ".raw"), dtype=kind)

    def set(self, solver, form):
        self.x = self.sparse.toarray() if form == "dense" else self.sparse
        self.model = LogisticRegression(C=1 / self.spec["l2"], tol=self.spec["tolerance"], solver=solver, max_iter=500)
        return {}

    def once(self):
        self.model.fit(self.x, self.y)
        return 1

    def fit(self):
        start = time.perf_counter()
        self.once()
        seconds = time.perf_counter() - start
        theta = numpy.concatenate([self.model.intercept_, self.model.coef_[0]])
        theta.astype("<f8").tofile(os.path.join(self.folder, "theta.f64"))
        return {"values": {"seconds": seconds, "iterations": int(self.model.n_iter_[0])}}


work = Logistic(sys.argv[1])
serving.serve(f"scikit-learn {sklearn.__version__}", {
    "set": work.set, "fit": work.fit, "run": lambda seconds: serving.repeat(float(seconds), work.once)})

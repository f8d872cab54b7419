"""Models of scikit-learn with their own defaults, on the tables of debut's defaults suite.

Run with a folder that holds tables.json, rest.csv and test.csv, and the name of a model. Reads requests from standard input, one a
line, and answers each with a line of JSON:

  fit   read the rows, fit on rest.csv, score test.csv: what came out, the process's seconds of CPU, and those of them after the
        libraries were loaded
"""

import json
import os
import resource
import sys
import time
import warnings


def absent(what):
    print(json.dumps({"absent": what}), flush=True)
    sys.exit(0)


try:
    import numpy
    import pandas
    import sklearn
    from sklearn import metrics
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
except ImportError as missing:
    absent(f"Python has no {missing.name}; Debian's packages are python3-sklearn and python3-pandas")

warnings.filterwarnings("ignore")
MOST_CATEGORIES = 255  # of HistGradientBoosting
WORDS = 128


class Task:
    def __init__(self, folder, model):
        self.folder, self.model = folder, model
        with open(os.path.join(folder, "tables.json"), encoding="utf-8") as f:
            self.spec = json.load(f)
        self.regression = self.spec["task"] == "regression"

    def read(self, name):
        texts = {c["name"]: str for c in self.spec["columns"] if c["kind"] in ("categorical", "text")}
        if not self.regression:
            texts[self.spec["target"]] = str
        rows = pandas.read_csv(os.path.join(self.folder, name), dtype=texts, keep_default_na=False, na_values=[""])
        return rows.drop(columns=self.spec["target"]), rows[self.spec["target"]].to_numpy()

    def expand(self, rows, rest):
        """Dates become numbers a person would take them apart into, free text counts of hashed words."""
        out = rows.copy()
        for c in self.spec["columns"]:
            name = c["name"]
            if c["kind"] == "date":
                when = pandas.to_datetime(rows[name], unit="s")
                out[name] = rows[name]
                for part, values in (("month", when.dt.month), ("day", when.dt.day), ("weekday", when.dt.weekday), ("hour", when.dt.hour)):
                    out[f"{name}.{part}"] = values
            elif c["kind"] == "text":
                words = HashingVectorizer(n_features=WORDS, alternate_sign=False).transform(rows[name].fillna("")).toarray()
                out = pandas.concat([out.drop(columns=name), pandas.DataFrame(words, index=rows.index, columns=[f"{name}.{k}" for k in range(WORDS)])], axis=1)
        return out

    def trees(self, rest, test, categories):
        """Texts, and codes where they are to be categories, as numbers of their values, the most frequent first."""
        marked = []
        for c in self.spec["columns"]:
            name = c["name"]
            if c["kind"] != "categorical" and not (categories and c["code"]):
                continue
            values = rest[name].value_counts().index
            if c["kind"] != "categorical" and len(values) > MOST_CATEGORIES:
                continue  # more than it takes: they stay the numbers they are
            numbers = {v: k for k, v in enumerate(values)}
            for part in (rest, test):
                part[name] = part[name].map(numbers).astype(float)
            if categories and len(values) <= MOST_CATEGORIES:
                marked.append(name)
        mask = [name in marked for name in rest.columns]
        kind = HistGradientBoostingRegressor if self.regression else HistGradientBoostingClassifier
        return kind(categorical_features=mask if any(mask) else None, random_state=0)

    def linear(self, rest):
        """Numbers standardized, gaps filled by the median, one column for each text and code."""
        texts = [c["name"] for c in self.spec["columns"] if c["kind"] == "categorical" or c["code"]]
        numbers = [name for name in rest.columns if name not in texts]
        prepare = ColumnTransformer([
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("texts", make_pipeline(SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(handle_unknown="ignore")), texts),
        ])
        if self.model == "mlp":
            model = MLPRegressor(random_state=0) if self.regression else MLPClassifier(random_state=0)
        else:
            model = Ridge() if self.regression else LogisticRegression()
        return make_pipeline(prepare, model), texts

    def fit(self):
        began = time.process_time()
        rest, y = self.read("rest.csv")
        test, wanted = self.read("test.csv")
        rest, test = self.expand(rest, rest), self.expand(test, rest)
        if self.model.startswith("hgb"):
            model = self.trees(rest, test, self.model == "hgb")
        else:
            model, texts = self.linear(rest)
            for part in (rest, test):
                for name in texts:
                    part[name] = part[name].astype(object).where(part[name].notna(), None).map(lambda v: "missing" if v is None else str(v))
        model.fit(rest, y)
        out = {}
        if self.regression:
            p = model.predict(test)
            out["r2"] = metrics.r2_score(wanted, p)
            out["rmse"] = metrics.mean_squared_error(wanted, p) ** 0.5
        else:
            p = model.predict_proba(test).astype(float)
            known = list(model.classes_)
            if len(known) == 2:
                out["auc"] = metrics.roc_auc_score(wanted == known[1], p[:, 1])
            # A class that only the test has gets the least probability there is.
            p = numpy.clip(p, 1e-15, 1)
            at = {c: k for k, c in enumerate(known)}
            out["log_loss"] = -float(numpy.mean([numpy.log(p[r, at[c]]) if c in at else numpy.log(1e-15) for r, c in enumerate(wanted)]))
            out["accuracy"] = metrics.accuracy_score(wanted, numpy.array(known)[p.argmax(axis=1)])
        out["cpu_seconds"] = time.process_time()
        out["cpu_seconds_after_imports"] = time.process_time() - began
        out["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        return {"values": out}


def answer(value):
    print(json.dumps(value), flush=True)


def main():
    task = Task(sys.argv[1], sys.argv[2])
    answer({"version": f"scikit-learn {sklearn.__version__}"})
    for line in sys.stdin:
        if line.strip() == "fit":
            answer(task.fit())
        else:
            answer({"error": f"unknown request {line!r}"})


if __name__ == "__main__":
    main()

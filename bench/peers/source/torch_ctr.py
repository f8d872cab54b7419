"""The training step of debut's ctr suite in PyTorch.

As torch_mlp.py, which must lie beside it, but for the models, and

  set THREADS WAY       start again; way 0 and 1 are the two kinds of Adam, way 2 has SparseAdam for the table
"""

import os

import torch

import torch_mlp


class Table(torch.nn.Module):
    """Embeddings, with a weight beside them where there are factors."""

    def __init__(self, values, sparse):
        super().__init__()
        self.rows = torch.nn.Embedding.from_pretrained(values, freeze=False, sparse=sparse)

    def forward(self, ids):
        return self.rows(ids)


class Model(torch.nn.Module):
    def __init__(self, task, sparse):
        super().__init__()
        spec, load = task.spec, task.load
        self.fields, self.width = spec["fields"], spec["width"]
        self.factors = spec["model"] != "dcnv2"
        n = spec["ids"]
        if self.factors:
            both = load("factors", n, 1 + self.width)
            self.weights = Table(both[:, :1].clone(), sparse)
            self.table = Table(both[:, 1:].clone(), sparse)
            self.bias = torch.nn.Parameter(load("output.bias", 1))
        else:
            self.table = Table(load(f"embedding.{self.width}", n, self.width), sparse)
        width = self.fields * self.width
        self.deep = self.hidden(task, width) if spec["hidden"] else None
        self.cross = torch.nn.ModuleList()
        for i in range(spec["cross"]):
            self.cross.append(dense(task, f"cross.{i}", width, width))
        if spec["cross"]:
            self.cross_output = dense(task, "cross.output", width, 1, bias=False)

    def hidden(self, task, width):
        layers = []
        for i, units in enumerate(task.spec["hidden"]):
            layers.append(dense(task, f"hidden.{i}", width, units, bias=False))
            norm = torch.nn.BatchNorm1d(units, eps=1e-5, momentum=0.1)
            with torch.no_grad():
                norm.weight.copy_(task.load(f"hidden.{i}.norm.gamma", units))
                norm.bias.copy_(task.load(f"hidden.{i}.norm.beta", units))
            layers += [norm, torch.nn.ReLU(inplace=True)]
            width = units
        layers.append(dense(task, "output", width, 1, bias=not self.factors))
        return torch.nn.Sequential(*layers)

    def forward(self, ids):
        v = self.table(ids)
        flat = v.flatten(1)
        out = 0
        if self.factors:
            total = v.sum(1)
            pairs = 0.5 * (total * total - (v * v).sum(1)).sum(1, keepdim=True)
            out = self.weights(ids).sum(1) + pairs + self.bias
        if self.deep is not None:
            out = out + self.deep(flat)
        if len(self.cross) > 0:
            x = flat
            for layer in self.cross:
                x = torch.addcmul(x, flat, layer(x))
            out = out + self.cross_output(x)
        return out


def dense(task, name, n, m, bias=True):
    layer = torch.nn.Linear(n, m, bias=bias)
    with torch.no_grad():
        layer.weight.copy_(task.load(name + ".weight", n, m).t())
        if bias:
            layer.bias.copy_(task.load(name + ".bias", m))
    return layer


class Task(torch_mlp.Task):
    def read(self):
        rows, fields = self.spec["rows"], self.spec["fields"]
        path = os.path.join(self.folder, "x.i32")
        self.x = torch.from_file(path, shared=False, size=rows * fields, dtype=torch.int32).reshape(rows, fields).long()
        self.y = self.load("y", rows, 1)

    def set(self, threads, way):
        torch.set_num_threads(threads)
        sparse = way == 2
        self.model = Model(self, sparse)
        self.model.train()
        adam = self.spec["adam"]
        settings = {"lr": adam["rate"], "betas": (adam["beta1"], adam["beta2"]), "eps": adam["epsilon"]}
        tables = [p for name, p in self.model.named_parameters() if name.endswith("rows.weight")]
        rest = [p for name, p in self.model.named_parameters() if not name.endswith("rows.weight")]
        if sparse:
            self.optimizers = [torch.optim.SparseAdam(tables, **settings), torch.optim.Adam(rest, foreach=True, **settings)]
        else:
            self.optimizers = [torch.optim.Adam(tables + rest, foreach=way == 1, **settings)]
        self.criterion = torch.nn.BCEWithLogitsLoss()
        self.at = 0
        return {}

    def step(self):
        batch = self.spec["batch"]
        rows = self.order[self.at:self.at + batch]
        self.at = (self.at + batch) % len(self.order)
        x = self.x.index_select(0, rows)
        y = self.y.index_select(0, rows)
        for o in self.optimizers:
            o.zero_grad(set_to_none=True)
        loss = self.criterion(self.model(x), y)
        loss.backward()
        for o in self.optimizers:
            o.step()
        return loss.detach()


if __name__ == "__main__":
    torch_mlp.main(Task)

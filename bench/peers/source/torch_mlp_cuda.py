"""The training step of debut's mlp suite in PyTorch on a GPU.

As torch_mlp.py, which must lie beside it, but for

  set MODE PRECISION    start again: eager, compiled (torch.compile) or graph (the whole step a CUDA graph);
                        fp32, tf32, or bf16 (autocast)

Rows are gathered on the host and copied from page-locked memory, beside what the GPU does. Losses stay on the GPU.
"""

import sys
import time

import torch

import torch_mlp

RING = 4  # batches on their way


class Task(torch_mlp.Task):
    def __init__(self, folder):
        self.device = torch.device("cuda")
        super().__init__(folder)

    def set(self, mode="eager", precision="fp32"):
        if mode is not None and not isinstance(mode, str):  # the base class begins with numbers of threads
            mode, precision = "eager", "fp32"
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        super().set(2, True)
        self.precision = precision
        self.model.to(self.device)
        adam = self.spec["adam"]
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=adam["rate"], betas=(adam["beta1"], adam["beta2"]), eps=adam["epsilon"],
            fused=True, capturable=mode == "graph")
        widths, batch = self.spec["widths"], self.spec["batch"]
        pinned = {"dtype": torch.float32, "pin_memory": True}
        self.ring = [(torch.empty(batch, widths[0], **pinned), torch.empty(batch, widths[-1], **pinned), torch.cuda.Event())
                     for _ in range(RING)]
        self.turn = 0
        self.forward = torch.compile(self.model) if mode == "compiled" else self.model
        self.graph = None
        if mode == "graph":
            self.capture(batch, widths)
        return {}

    def batch(self):
        batch = self.spec["batch"]
        rows = self.order[self.at:self.at + batch]
        self.at = (self.at + batch) % len(self.order)
        x, y, copied = self.ring[self.turn]
        self.turn = (self.turn + 1) % RING
        copied.synchronize()
        torch.index_select(self.x, 0, rows, out=x)
        torch.index_select(self.y, 0, rows, out=y)
        return x, y, copied

    def train(self, x, y):
        self.optimizer.zero_grad(set_to_none=self.graph is None)
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=self.precision == "bf16"):
            loss = self.criterion(self.forward(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def capture(self, batch, widths):
        """Captures a step. Warming up must leave nothing behind, so weights and statistics are put back."""
        self.static = (torch.zeros(batch, widths[0], device=self.device), torch.zeros(batch, widths[-1], device=self.device))
        before = {k: v.clone() for k, v in self.model.state_dict().items()}
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.train(*self.static)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            self.captured = self.train(*self.static)
        self.model.load_state_dict(before)
        for state in self.optimizer.state.values():
            for v in state.values():
                if torch.is_tensor(v):
                    v.zero_()
        self.graph = graph

    def step(self):
        x, y, copied = self.batch()
        if self.graph is None:
            x, y = x.to(self.device, non_blocking=True), y.to(self.device, non_blocking=True)
            copied.record()
            return self.train(x, y)
        self.static[0].copy_(x, non_blocking=True)
        self.static[1].copy_(y, non_blocking=True)
        copied.record()
        self.graph.replay()
        return self.captured

    def run(self, seconds):
        torch.cuda.synchronize()
        start, steps = time.perf_counter(), 0
        while True:
            for _ in range(64):
                self.step()
            torch.cuda.synchronize()
            steps += 64
            elapsed = time.perf_counter() - start
            if elapsed >= seconds:
                return {"runs": steps, "seconds": elapsed}


def main():
    task = Task(sys.argv[1])
    task.step()
    version = f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}, {torch.cuda.get_device_name()}"
    torch_mlp.answer({"version": version})
    for line in sys.stdin:
        words = line.split()
        try:
            if words[0] == "set":
                torch_mlp.answer(task.set(words[1], words[2]))
            elif words[0] == "loss":
                torch_mlp.answer(task.loss(int(words[1])))
            elif words[0] == "run":
                torch_mlp.answer(task.run(float(words[1])))
            else:
                torch_mlp.answer({"error": f"unknown request {line!r}"})
        except Exception as e:  # a mode that this version cannot do must not end the others
            torch_mlp.answer({"error": f"{type(e).__name__}: {e}"})


if __name__ == "__main__":
    main()

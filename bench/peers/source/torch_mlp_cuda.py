"""The training step of debut's mlp suite in PyTorch on a GPU.

As torch_mlp.py, which must lie beside it, but for

  set MODE PRECISION    start again; fp32, tf32, or bf16 (autocast), and one of the modes
                        eager            as it is written
                        compiled         forward and backward by torch.compile
                        reduce-overhead  the same with mode="reduce-overhead": CUDA graphs of PyTorch's making
                        graph            the whole step, the optimizer too, captured as a CUDA graph
                        compiled-graph   the same of the compiled step

Rows are gathered on the host into page-locked memory and copied on a stream of their own, beside what the GPU computes. A captured step
is captured once for each place that batches are copied to, so that nothing is copied twice. Adam is fused. Losses stay on the GPU.
"""

import os
import sys
import time

import torch

import torch_mlp

RING = 4  # batches on their way


class Slot:
    """A place for a batch: page-locked, on the GPU, and the captured step that reads it there."""

    def __init__(self, batch, widths, device):
        pinned = {"dtype": torch.float32, "pin_memory": True}
        self.host = torch.zeros(batch, widths[0], **pinned), torch.zeros(batch, widths[-1], **pinned)
        self.device = torch.zeros(batch, widths[0], device=device), torch.zeros(batch, widths[-1], device=device)
        self.copied = torch.cuda.Event()  # the page-locked half may be filled again
        self.taken = torch.cuda.Event()  # the GPU's half may be
        self.graph = None
        self.loss = None


class Task(torch_mlp.Task):
    def __init__(self, folder):
        self.device = torch.device("cuda")
        self.copies = torch.cuda.Stream()
        super().__init__(folder)

    def set(self, mode="eager", precision="fp32"):
        if not isinstance(mode, str):  # the base class begins with numbers of threads
            mode, precision = "eager", "fp32"
        if hasattr(torch, "_dynamo"):
            torch._dynamo.reset()  # what was compiled before, for another precision, must not make this one general
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        super().set(min(os.cpu_count() or 1, 8), True)
        captured = mode in ("graph", "compiled-graph")
        self.bf16 = precision == "bf16"
        self.trees = mode == "reduce-overhead"
        self.model.to(self.device)
        adam = self.spec["adam"]
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=adam["rate"], betas=(adam["beta1"], adam["beta2"]), eps=adam["epsilon"],
            fused=True, capturable=captured)
        self.forward = self.value
        if mode in ("compiled", "compiled-graph"):
            self.forward = torch.compile(self.value, dynamic=False)
        elif mode == "reduce-overhead":
            self.forward = torch.compile(self.value, dynamic=False, mode="reduce-overhead")
        widths, batch = self.spec["widths"], self.spec["batch"]
        self.slots = [Slot(batch, widths, self.device) for _ in range(RING)]
        self.turn = 0
        if captured:
            self.capture()
        return {}

    def value(self, x, y):
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=self.bf16):
            logits = self.model(x)
        return self.criterion(logits.float(), y)

    def train(self, x, y):
        if self.trees:
            torch.compiler.cudagraph_mark_step_begin()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.forward(x, y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def capture(self):
        """Captures a step for each slot. Warming up must leave nothing behind, so weights and statistics are put back."""
        before = {k: v.clone() for k, v in self.model.state_dict().items()}
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.train(*self.slots[0].device)
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        pool = None
        for slot in self.slots:
            graph = torch.cuda.CUDAGraph()
            self.optimizer.zero_grad(set_to_none=True)
            with torch.cuda.graph(graph, pool=pool):
                slot.loss = self.train(*slot.device)
            slot.graph, pool = graph, graph.pool()
        with torch.no_grad():
            self.model.load_state_dict(before)
            for state in self.optimizer.state.values():
                for v in state.values():
                    if torch.is_tensor(v):
                        v.zero_()
        torch.cuda.synchronize()

    def batch(self):
        """Gathers the next batch and has it copied; the current stream waits for that."""
        slot = self.slots[self.turn]
        self.turn = (self.turn + 1) % RING
        size = self.spec["batch"]
        rows = self.order[self.at:self.at + size]
        self.at = (self.at + size) % len(self.order)
        slot.copied.synchronize()
        for source, host in zip((self.x, self.y), slot.host):
            torch.index_select(source, 0, rows, out=host)
        self.copies.wait_event(slot.taken)
        with torch.cuda.stream(self.copies):
            for host, device in zip(slot.host, slot.device):
                device.copy_(host, non_blocking=True)
            slot.copied.record(self.copies)
        torch.cuda.current_stream().wait_event(slot.copied)
        return slot

    def step(self):
        slot = self.batch()
        if slot.graph is not None:
            slot.graph.replay()
            loss = slot.loss
        else:
            loss = self.train(*slot.device)
        slot.taken.record()
        return loss

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
    if not torch.cuda.is_available():
        torch_mlp.answer({"absent": f"PyTorch {torch.__version__} finds no GPU"})
        return
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
        except Exception as e:  # a precision that a mode cannot do must not end the others
            torch_mlp.answer({"error": f"{type(e).__name__}: {e}"[:2000]})


if __name__ == "__main__":
    main()

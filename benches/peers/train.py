"""Steps of training of the same network by areal and PyTorch, alternating.

    benches/peers/train.sh [ARCHITECTURE [SIDE [BATCH [BANDS]]]]

Architectures: resnet18, resnet34, resnet50. areal makes the first weights and a batch; cross-entropy, AdamW with the same
settings, no clipping, single precision, as many threads as there are processors. PyTorch runs both with its plain layout
and channels-last, its optimiser both as it comes and fused; each is checked to have the losses that areal has in the
first steps. A step is the whole of it: forward, backward, optimiser. Prints medians in wall seconds, and the
processor time and peak memory of each. SECONDS_EACH in the environment is the time for each program, 20 by default;
THREADS the number of threads: with one, processor time is a fair measure on a machine that does other work too.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RATE, DECAY = 1e-3, 0.01
SECONDS = float(os.environ.get("SECONDS_EACH", 20))
THREADS = int(os.environ.get("THREADS", os.cpu_count()))
CHECKED = 3


class Program:
    """A program that does a step for each line and answers with its loss."""

    def __init__(self, name, command):
        self.name, self.times, self.cpu, self.losses = name, [], [], []
        environment = {**os.environ, "RAYON_NUM_THREADS": str(THREADS)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
        self.process = subprocess.Popen(command, **pipes)
        assert self.process.stdout.readline().strip() == "ready", f"{name} did not start"
        # The kernel's number for the processor time of that process, as clock_getcpuclockid gives it.
        self.clock = (~self.process.pid << 3) | 2

    def step(self):
        # Idle threads of the program that ran before may still be waiting in a loop.
        time.sleep(0.3)
        start, charged = time.monotonic(), time.clock_gettime(self.clock)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.losses.append(float(self.process.stdout.readline()))
        self.times.append(time.monotonic() - start)
        self.cpu.append(time.clock_gettime(self.clock) - charged)

    def peak_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def peer(architecture, folder, shape, layout, optimiser):
    """PyTorch's part, in a process of its own."""
    import numpy as np
    import torch
    import torchvision
    from safetensors.numpy import load_file

    torch.set_num_threads(THREADS)
    weights = load_file(folder / "weights.safetensors")
    network = getattr(torchvision.models, architecture)(num_classes=len(weights["fc.bias"]))
    first = network.conv1
    network.conv1 = torch.nn.Conv2d(shape[1], 64, first.kernel_size, first.stride, first.padding, bias=False)
    missing, surplus = network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()}, False)
    assert not surplus and all(name.endswith("num_batches_tracked") for name in missing), (missing, surplus)
    images = torch.from_numpy(np.fromfile(folder / "input.f32", np.float32).reshape(shape))
    classes = torch.from_numpy(np.fromfile(folder / "classes.i64", np.int64))
    form = {"plain": torch.contiguous_format, "channels-last": torch.channels_last}[layout]
    network = network.train().to(memory_format=form)
    # As areal: normalisations and biases do not decay.
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": DECAY},
        {"params": [p for p in network.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    descent = torch.optim.AdamW(groups, lr=RATE, fused=optimiser == "fused")
    measure = torch.nn.CrossEntropyLoss()
    print("ready", flush=True)
    for _ in sys.stdin:
        batch = images.clone().to(memory_format=form)
        descent.zero_grad()
        loss = measure(network(batch), classes)
        loss.backward()
        descent.step()
        print(loss.item(), flush=True)


def main():
    program, arguments = sys.argv[1], sys.argv[2:]
    architecture, side, batch, bands = [*arguments, *("resnet18", "64", "64", "3")[len(arguments) :]]
    shape = [int(batch), int(bands), int(side), int(side)]
    with tempfile.TemporaryDirectory() as folder:
        programs = [Program("areal", [program, architecture, bands, side, batch, folder])]
        for layout in ("plain", "channels-last"):
            for optimiser in ("default", "fused"):
                call = [sys.executable, __file__, "peer", architecture, folder, json.dumps(shape), layout, optimiser]
                programs.append(Program(f"PyTorch {layout}, {optimiser} AdamW", call))
        for _ in range(CHECKED):
            for one in programs:
                one.step()
        ours = programs[0]
        for other in programs[1:]:
            # The first step of Adam goes by the signs of gradients, however small: from then on rounding shows.
            first, *later = (abs(a - b) / abs(a) for a, b in zip(ours.losses, other.losses))
            print(f"{other.name}: losses differ by {first:.1e} of areal's in the first step, by up to {max(later):.1e} in the next")
            assert first < 1e-5 and max(later) < 1e-2, (ours.losses, other.losses)
        begin, rounds = time.monotonic(), 0
        while time.monotonic() - begin < SECONDS * len(programs):
            for one in programs:
                one.step()
            rounds += 1
    print(f"\n{architecture}, {side} px, {bands} bands, batch {batch}, {rounds} rounds, {THREADS} threads")
    print(f"{'program':<40} {'patches/s':>9} {'CPU s/step':>10} {'peak MB':>8} {'areal is, by wall':>18} {'by CPU':>8}")
    median = lambda times: statistics.median(times[CHECKED:])
    for one in programs:
        wall, cpu = median(one.times), median(one.cpu)
        ratios = f"{wall / median(ours.times):>17.2f}x {cpu / median(ours.cpu):>7.2f}x"
        print(f"{one.name:<40} {int(batch) / wall:>9.1f} {cpu:>10.3f} {one.peak_mb():>8.0f} {ratios}")
        one.process.stdin.close()


if __name__ == "__main__":
    if sys.argv[1] == "peer":
        peer(sys.argv[2], Path(sys.argv[3]), json.loads(sys.argv[4]), sys.argv[5], sys.argv[6])
    else:
        main()

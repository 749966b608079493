"""Inference of the same network by areal's plan, ONNX Runtime and OpenVINO, alternating.

    benches/peers/cnn.sh [ARCHITECTURE [SIDE [BATCH [BANDS [PRECISION]]]]]

The plan's program makes the weights and a batch; the ONNX graph is built from the same weights, with each batch
normalisation folded by the runtimes themselves. Outputs must agree. Each program runs on one thread and is charged its
processor time, so that other work on the machine counts little; the medians and the least times are printed. The plan
converts and normalises uint16 pixels within its time, the others are given single-precision images.

With a PRECISION of bf16 or int8, the plan in that precision and OpenVINO with the bf16 hint join in; the share of labels in
which each differs from OpenVINO in single precision is printed. The images are noise and the weights random, so that
classes are less certain than those of a trained network.

With AREAL_CPU_ISA=avx2 in the environment, which holds the plan to AVX2, oneDNN is held to it too: in OpenVINO, whose
kernels are printed, and in PyTorch, which joins in where torchvision has the network. ONNX Runtime has no such switch; it
goes on with all instructions of the processor.
"""

import collections
import os
import subprocess
import statistics
import sys
import tempfile
import time
from pathlib import Path

MASKED = os.environ.get("AREAL_CPU_ISA") == "avx2"
if MASKED:
    # Read when the libraries are loaded.
    os.environ.update(ONEDNN_MAX_CPU_ISA="AVX2", ATEN_CPU_CAPABILITY="avx2", MKL_ENABLE_INSTRUCTIONS="AVX2")

import numpy as np
import onnxruntime
import openvino
from safetensors.numpy import load_file

from graph import Graph

ROUNDS = 15
LIMIT_S = 20.0


class Plan:
    """The plan's program: one inference for each line."""

    def __init__(self, program, arguments):
        self.process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline().strip() == "ready", "the plan's program did not start"
        # The kernel's number for the processor time of that process, as clock_getcpuclockid gives it.
        self.clock = (~self.process.pid << 3) | 2

    def seconds(self):
        start = time.clock_gettime(self.clock)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "done"
        return time.clock_gettime(self.clock) - start


def charged(call):
    start = time.process_time()
    call()
    return time.process_time() - start


def kernels(compiled):
    """How OpenVINO computes its convolutions, and how many of them."""
    said = [op.get_rt_info() for op in compiled.get_runtime_model().get_ops()]
    names = [info["primitiveType"].astype(str) for info in said if info["layerType"].astype(str) == "Convolution"]
    return ", ".join(f"{name}: {count}" for name, count in collections.Counter(names).items())


def torch_network(architecture, weights):
    """A function from images to logits by PyTorch on one thread, channels-last; none where torchvision lacks the network."""
    import torch
    import torchvision

    if not hasattr(torchvision.models, architecture):
        return None
    torch.set_num_threads(1)
    network = getattr(torchvision.models, architecture)(num_classes=len(weights["fc.bias"]))
    network.conv1 = torch.nn.Conv2d(weights["conv1.weight"].shape[1], 64, 7, 2, 3, bias=False)
    missing, surplus = network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()}, False)
    assert not surplus and all(name.endswith("num_batches_tracked") for name in missing), (missing, surplus)
    network = network.eval().to(memory_format=torch.channels_last)

    def infer(images):
        with torch.inference_mode():
            return network(torch.from_numpy(images).to(memory_format=torch.channels_last)).numpy()

    return infer


def main():
    program, arguments = sys.argv[1], sys.argv[2:]
    architecture, side, batch, bands, precision = [*arguments, *("resnet18", "64", "64", "3", "f32")[len(arguments) :]]
    reduced = precision != "f32"
    with tempfile.TemporaryDirectory() as folder:
        if reduced:
            narrow = Plan(program, [architecture, bands, side, batch, precision, folder])
            narrow_logits = np.fromfile(Path(folder) / "logits.f32", np.float32).reshape(int(batch), -1)
        plan = Plan(program, [architecture, bands, side, batch, "f32", folder])
        folder = Path(folder)
        images = np.fromfile(folder / "input.f32", np.float32).reshape(int(batch), int(bands), int(side), int(side))
        logits = np.fromfile(folder / "logits.f32", np.float32).reshape(int(batch), -1)
        weights = load_file(folder / "weights.safetensors")
        graph = Graph(weights)
    graph.network(architecture)
    model = graph.model(images.shape).SerializeToString()

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    core = openvino.Core()
    # The exact type and one thread: on this kind of processor OpenVINO would otherwise choose bf16.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    compile_for = lambda hint: core.compile_model(core.read_model(model), "CPU", {**settings, "INFERENCE_PRECISION_HINT": hint})
    compiled = compile_for("f32")
    request = compiled.create_infer_request()
    print(f"OpenVINO f32: {kernels(compiled)}")

    runs = {
        "areal plan": plan.seconds,
        "ONNX Runtime": lambda: charged(lambda: session.run(None, {"input": images})),
        "OpenVINO f32": lambda: charged(lambda: request.infer({"input": images}, share_inputs=True)),
    }
    found = [("ONNX Runtime", session.run(None, {"input": images})[0]), ("OpenVINO f32", request.infer({"input": images})[0])]
    torch = torch_network(architecture, weights) if MASKED else None
    if torch:
        runs["PyTorch"] = lambda: charged(lambda: torch(images))
        found.append(("PyTorch", torch(images)))
    if reduced:
        bf16 = compile_for("bf16").create_infer_request()
        runs[f"areal {precision}"] = narrow.seconds
        runs["OpenVINO bf16"] = lambda: charged(lambda: bf16.infer({"input": images}, share_inputs=True))
        labels = logits.argmax(1)
        for name, other in ((f"areal {precision}", narrow_logits), ("OpenVINO bf16", bf16.infer({"input": images})[0])):
            changed, apart = (other.argmax(1) != labels).sum(), np.abs(other - logits).max() / np.abs(logits).max()
            print(f"{name}: {changed} of {len(labels)} labels differ from single precision, logits by {apart:.1e} of the greatest")
    scale = np.abs(logits).max()
    for name, theirs in found:
        difference = np.abs(theirs - logits).max() / scale
        print(f"{name}: differs from the plan by {difference:.1e} of the greatest logit")
        assert difference < 1e-3, "the outputs do not agree"

    times = {name: [] for name in runs}
    begin = time.monotonic()
    for _ in range(ROUNDS):
        for name, run in runs.items():
            times[name].append(run())
        if time.monotonic() - begin > LIMIT_S:
            break
    print(f"\n{architecture}, {side} px, {bands} bands, batch {batch}, {len(times['areal plan'])} rounds; patches/s of one core")
    for ours in [name for name in times if name.startswith("areal")]:
        print(f"{'program':<14} {'median':>8} {'best':>8} {ours + ' is, by median':>26} {'by best':>8}")
        for name, all_times in times.items():
            median, best = statistics.median(all_times), min(all_times)
            ratios = (median / statistics.median(times[ours]), best / min(times[ours]))
            print(f"{name:<14} {int(batch) / median:>8.1f} {int(batch) / best:>8.1f} {ratios[0]:>25.2f}x {ratios[1]:>7.2f}x")


if __name__ == "__main__":
    main()

"""Expected logits of residual networks, by PyTorch and torchvision, for crates/areal-model/src/network.

    pip install torch torchvision numpy
    python tests/oracles/resnet_forward.py > tests/oracles/resnet_forward.json

Weights and pixels follow formulae that the test repeats, so that no large file is kept.
"""

import json

import numpy as np
import torch
import torchvision


def values(index, name, shape):
    j = np.arange(int(np.prod(shape)), dtype=np.float64)
    wave = np.sin(0.37 * j + 1.7 * index + 0.5)
    last = name.rsplit(".", 1)[-1]
    if len(shape) == 1:
        if last == "running_var":
            flat = 1.0 + 0.5 * wave
        elif last == "weight":
            flat = 0.8 + 0.3 * wave
        else:
            flat = 0.1 * wave
    else:
        flat = np.sqrt(2.0 / np.prod(shape[1:])) * wave
    return torch.from_numpy(flat.astype(np.float32).reshape(shape))


def logits(architecture, bands, outputs, shape):
    network = getattr(torchvision.models, architecture)(weights=None, num_classes=outputs)
    stem = network.conv1
    network.conv1 = torch.nn.Conv2d(bands, stem.out_channels, 7, stride=2, padding=3, bias=False)
    names = sorted(n for n in network.state_dict() if not n.endswith("num_batches_tracked"))
    state = {n: values(i, n, tuple(network.state_dict()[n].shape)) for i, n in enumerate(names)}
    network.load_state_dict(state)
    network.eval()
    pixels = np.cos(0.11 * np.arange(int(np.prod(shape)), dtype=np.float64)).astype(np.float32)
    with torch.no_grad():
        out = network(torch.from_numpy(pixels.reshape(shape)))
    return [float(v) for v in out.flatten()]


cases = [("resnet18", 4, 5, (2, 4, 64, 64)), ("resnet34", 3, 3, (1, 3, 40, 40)), ("resnet50", 5, 3, (1, 5, 64, 64))]
document = [
    {"architecture": a, "bands": b, "outputs": k, "shape": s, "logits": logits(a, b, k, s)} for a, b, k, s in cases
]
print(json.dumps(document, indent=1))

"""Weights of residual networks as PyTorch programs save them, with their logits and their first training step, for
crates/areal-model/src/import and crates/areal-train/src/first_step_tests.rs.

    pip install torch torchvision timm safetensors numpy
    python tests/oracles/published_weights.py FOLDER

Writes FOLDER/weights.json: file, architecture, bands, shape of the pixels [N, C, H, W] and the logits that PyTorch gives for
pixels of cos(0.11 j), where j counts them. `loss` is the cross-entropy of classes 1 and 3 with batch statistics in double precision,
`stepped` the logits with batch statistics after one step of gradient descent with a learning rate of 0.01, `moved` how far the step moved
them, and `single` how far PyTorch's own step in single precision ends from there.
"""

import copy
import json
import pathlib
import sys

import numpy as np
import timm
import torch
import torchvision
from safetensors.torch import save_file

OUTPUTS = 5
folder = pathlib.Path(sys.argv[1])
torch.manual_seed(9)


def by_torchvision(name, bands):
    network = getattr(torchvision.models, name)(weights=None, num_classes=OUTPUTS)
    stem = network.conv1
    network.conv1 = torch.nn.Conv2d(bands, stem.out_channels, 7, stride=2, padding=3, bias=False)
    return network


def by_timm(name, bands):
    return timm.create_model(name, pretrained=False, in_chans=bands, num_classes=OUTPUTS)


def warmed(network, bands):
    """Running means and variances that are not 0 and 1, and residual branches that count as little as in a trained network: with
    random ones a step in single precision ends elsewhere than in double precision."""
    with torch.no_grad():
        for block in (m for m in network.modules() if hasattr(m, "conv2")):
            (block.bn3 if hasattr(block, "bn3") else block.bn2).weight.fill_(0.2)
        network.train()(torch.randn(4, bands, 64, 64))
    return network.eval()


def nested(place, state, **beside):
    return {"epoch": 3, "state_dict": {place + k: v for k, v in state.items()}, **beside}


def first_step(network, pixels):
    network.train()
    before = network(pixels)
    loss = torch.nn.functional.cross_entropy(before, torch.tensor([1, 3]))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
    loss.backward()
    optimiser.step()
    with torch.no_grad():
        return loss.item(), before.double().detach(), network(pixels).double()


def first_steps(network, pixels):
    _, _, single = first_step(copy.deepcopy(network), pixels)
    loss, before, stepped = first_step(copy.deepcopy(network).double(), pixels.double())
    furthest = lambda a: (a - stepped).abs().max().item()
    return dict(loss=loss, stepped=stepped.flatten().tolist(), moved=furthest(before), single=furthest(single))


def save(name, network, bands, write):
    network = warmed(network, bands)
    state = network.state_dict()
    if "half" in name:
        state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    write(state, str(folder / name))
    shape = (2, bands, 64, 64)
    pixels = np.cos(0.11 * np.arange(int(np.prod(shape)), dtype=np.float64)).astype(np.float32)
    pixels = torch.from_numpy(pixels.reshape(shape))
    with torch.no_grad():
        logits = network(pixels).flatten().tolist()
    case = dict(file=name, architecture=name.split("_")[0], bands=bands, shape=shape)
    return dict(case, logits=logits, **first_steps(network, pixels))


def old_pickle(state, path):
    torch.save(state, path, _use_new_zipfile_serialization=False)


def moco(state, path):
    other = {"module.encoder_k." + k: v + 1 for k, v in state.items()}
    document = nested("module.encoder_q.", state, best_acc1=torch.tensor(0.7), optimizer={"state": {}, "param_groups": []})
    document["state_dict"].update(other)
    torch.save(document, path)


def dino(state, path):
    student = {"module.backbone." + k: v + 1 for k, v in state.items()}
    teacher = {"backbone." + k: v for k, v in state.items()}
    torch.save({"student": student, "teacher": teacher, "epoch": 9, "criterion.weight": torch.ones(3)}, path)


def lightning(state, path):
    torch.save(nested("model.backbone.resnet.", state, **{"pytorch-lightning_version": "2.0.0"}), path, pickle_protocol=4)


cases = [
    ("resnet18_torchvision_3.pth", by_torchvision("resnet18", 3), 3, torch.save),
    ("resnet18_timm_9.safetensors", by_timm("resnet18", 9), 9, save_file),
    ("resnet18_torchvision_13_half.safetensors", by_torchvision("resnet18", 13), 13, save_file),
    ("resnet34_timm_13_moco.pth", by_timm("resnet34", 13), 13, moco),
    ("resnet34_torchvision_3_old.pth", by_torchvision("resnet34", 3), 3, old_pickle),
    ("resnet50_torchvision_9_dino.pth", by_torchvision("resnet50", 9), 9, dino),
    ("resnet50_timm_3_half_lightning.pth", by_timm("resnet50", 3), 3, lightning),
]
document = [save(*case) for case in cases]
(folder / "weights.json").write_text(json.dumps(document))

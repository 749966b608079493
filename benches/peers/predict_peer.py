"""Predicts a scene as one would write it by hand: `predict_peer.py PROGRAM SCENE BUNDLE OUT`.

PROGRAM is torchgeo (GridGeoSampler and PyTorch), or pytorch, onnxruntime or openvino behind a thread that reads the scene
with rasterio. All have the bundle's weights and normalisation, batches of 64 patches and one class raster to write. THREADS in
the environment is the number of the network's threads, as many as there are processors without it.
"""

import json
import os
import queue
import sys
import threading
from pathlib import Path

import numpy as np
import rasterio
from safetensors.numpy import load_file

from common import Clock

PATCH = BATCH = 64
THREADS = int(os.environ.get("THREADS", os.cpu_count()))


def read_batches(scene, mean, std, batches):
    """The patches of the scene, row by row, normalised."""
    with rasterio.open(scene) as source:
        for row in range(0, source.height, PATCH):
            strip = source.read(window=((row, row + PATCH), (0, source.width))).astype(np.float32)
            strip -= mean
            strip /= std
            bands = len(strip)
            patches = strip.reshape(bands, PATCH, -1, PATCH).transpose(2, 0, 1, 3)
            for first in range(0, len(patches), BATCH):
                batches.put(np.ascontiguousarray(patches[first : first + BATCH]))
    batches.put(None)


def torch_network(weights):
    import torch
    from torchvision.models import resnet18

    torch.set_num_threads(THREADS)
    network = resnet18(num_classes=len(weights["fc.bias"]))
    network.conv1 = torch.nn.Conv2d(weights["conv1.weight"].shape[1], 64, 7, 2, 3, bias=False)
    missing, surplus = network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()}, False)
    assert not surplus and all(name.endswith("num_batches_tracked") for name in missing), (missing, surplus)
    return network.eval().to(memory_format=torch.channels_last)


def program(name, weights, patches):
    """A function from a batch of so many patches to its logits."""
    if name == "pytorch":
        import torch

        network = torch_network(weights)

        def infer(batch):
            with torch.inference_mode():
                return network(torch.from_numpy(batch).to(memory_format=torch.channels_last)).numpy()

        return infer
    from graph import Graph

    graph = Graph(weights)
    graph.network("resnet18")
    model = graph.model((patches, weights["conv1.weight"].shape[1], PATCH, PATCH)).SerializeToString()
    if name == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return lambda batch: session.run(None, {"input": batch})[0]
    import openvino

    core = openvino.Core()
    # The exact type: on some processors OpenVINO would otherwise choose bf16.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": THREADS}
    request = core.compile_model(core.read_model(model), "CPU", settings).create_infer_request()
    return lambda batch: request.infer({"input": batch}, share_inputs=True)[0]


def by_hand(name, scene, weights, mean, std):
    with rasterio.open(scene) as source:
        rows, cols = source.height // PATCH, source.width // PATCH
    infer = program(name, weights, min(BATCH, cols))
    batches = queue.Queue(maxsize=4)
    threading.Thread(target=read_batches, args=(scene, mean, std, batches), daemon=True).start()
    classes = []
    while (batch := batches.get()) is not None:
        classes.append(infer(batch).argmax(1))
    return np.concatenate(classes).reshape(rows, cols)


def predict_torchgeo(scene, weights, mean, std):
    import torch
    from torch.utils.data import DataLoader
    from torchgeo.datasets import RasterDataset, stack_samples
    from torchgeo.samplers import GridGeoSampler

    class SceneFile(RasterDataset):
        filename_glob = os.path.basename(scene)

    dataset = SceneFile(paths=os.path.dirname(scene))
    sampler = GridGeoSampler(dataset, size=PATCH, stride=PATCH)
    loader = DataLoader(dataset, batch_size=BATCH, sampler=sampler, collate_fn=stack_samples, num_workers=0)
    network = torch_network(weights)
    mean, std = torch.from_numpy(mean), torch.from_numpy(std)
    with torch.inference_mode():
        classes = [
            network(((sample["image"].float() - mean) / std).to(memory_format=torch.channels_last)).argmax(1)
            for sample in loader
        ]
    side = int(len(sampler) ** 0.5)
    # The sampler begins at the lower edge.
    return torch.cat(classes).numpy().reshape(side, side)[::-1]


def main():
    name, scene, bundle, out = sys.argv[1], *map(Path, sys.argv[2:5])
    if name in ("pytorch", "torchgeo"):
        import torch  # noqa: F401
    if name == "torchgeo":
        import torchgeo.datasets  # noqa: F401
    if name == "onnxruntime":
        import onnxruntime  # noqa: F401
    if name == "openvino":
        import openvino  # noqa: F401
    clock = Clock()
    weights = load_file(bundle / "weights.safetensors")
    normalisation = json.loads((bundle / "model.json").read_text())["normalisation"]
    mean, std = (np.array(normalisation[key], np.float32).reshape(-1, 1, 1) for key in ("mean", "std"))
    classes = predict_torchgeo(scene, weights, mean, std) if name == "torchgeo" else by_hand(name, scene, weights, mean, std)
    with rasterio.open(scene) as source:
        profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": source.crs, "compress": "deflate"}
        profile |= {"height": classes.shape[0], "width": classes.shape[1]}
        profile["transform"] = source.transform * source.transform.scale(PATCH)
    with rasterio.open(out, "w", **profile) as target:
        target.write(classes.astype(np.uint8) + 1, 1)
    clock.report()


if __name__ == "__main__":
    main()

"""Logits of a file of weights in torchvision's model: torchvision_strict.py NAME WEIGHTS BANDS OUTPUTS INPUT.npy OUTPUT.npy"""

import sys

import numpy
import torch
import torchvision
from safetensors.torch import load_file

name, weights, bands, outputs, input_path, output_path = sys.argv[1:]
model = getattr(torchvision.models, name)(num_classes=int(outputs))
if int(bands) != 3:
    model.conv1 = torch.nn.Conv2d(int(bands), 64, 7, stride=2, padding=3, bias=False)
model.load_state_dict(load_file(weights), strict=True)
model.eval()
with torch.no_grad():
    logits = model(torch.from_numpy(numpy.load(input_path).astype(numpy.float32)))
numpy.save(output_path, logits.numpy().astype(numpy.float64))

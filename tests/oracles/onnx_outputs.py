"""Outputs of an ONNX file by ONNX Runtime, after onnx.checker passed it: onnx_outputs.py MODEL INPUT.npy OUTPUT.npy

Prints the model's metadata, operators, input and output as JSON.
"""

import json
import sys

import numpy
import onnx
import onnxruntime

model_path, input_path, output_path = sys.argv[1:]
model = onnx.load(model_path)
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
patches = numpy.load(input_path).astype(numpy.float32)
(first,), (result,) = session.get_inputs(), session.get_outputs()
whole = session.run(None, {first.name: patches})[0]
# The size of a batch is free.
alone = numpy.concatenate([session.run(None, {first.name: patches[i : i + 1]})[0] for i in range(len(patches))])
assert numpy.abs(whole - alone).max() <= 1e-5 * max(1.0, numpy.abs(whole).max())
numpy.save(output_path, whole.astype(numpy.float64))
print(
    json.dumps(
        {
            "opset": [[o.domain, o.version] for o in model.opset_import],
            "producer": model.producer_name,
            "metadata": {p.key: json.loads(p.value) for p in model.metadata_props},
            "input": [first.name, first.type, list(first.shape)],
            "output": [result.name, result.type, list(result.shape)],
        }
    )
)

"""The ONNX graph of a bundle's network, built from its weights."""

from onnx import TensorProto, helper, numpy_helper


class Graph:
    """An ONNX graph of a residual network, built by the names of its weights."""

    def __init__(self, weights):
        self.weights, self.nodes, self.values, self.count = weights, [], [], 0

    def constant(self, name):
        if all(value.name != name for value in self.values):
            self.values.append(numpy_helper.from_array(self.weights[name], name))
        return name

    def node(self, kind, inputs, **attributes):
        self.count += 1
        name = f"v{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def conv(self, x, conv, norm, stride):
        size = self.weights[f"{conv}.weight"].shape[2]
        y = self.node("Conv", [x, self.constant(f"{conv}.weight")], strides=[stride] * 2, pads=[size // 2] * 4)
        parts = [self.constant(f"{norm}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        return self.node("BatchNormalization", [y, *parts], epsilon=1e-5)

    def block(self, x, name, stride):
        has = lambda part: f"{name}.{part}.weight" in self.weights
        bottleneck = has("conv3")
        y = self.node("Relu", [self.conv(x, f"{name}.conv1", f"{name}.bn1", 1 if bottleneck else stride)])
        y = self.conv(y, f"{name}.conv2", f"{name}.bn2", stride if bottleneck else 1)
        if bottleneck:
            y = self.conv(self.node("Relu", [y]), f"{name}.conv3", f"{name}.bn3", 1)
        if has("downsample.0"):
            x = self.conv(x, f"{name}.downsample.0", f"{name}.downsample.1", stride)
        return self.node("Relu", [self.node("Add", [y, x])])

    def network(self, architecture):
        x = self.node("Relu", [self.conv("input", "conv1", "bn1", 2)])
        if architecture != "compact":
            x = self.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
        for layer in range(1, 5):
            block = 0
            while f"layer{layer}.{block}.conv1.weight" in self.weights:
                stride = 2 if block == 0 and layer > 1 else 1
                x = self.block(x, f"layer{layer}.{block}", stride)
                block += 1
        x = self.node("Flatten", [self.node("GlobalAveragePool", [x])])
        x = self.node("Gemm", [x, self.constant("fc.weight"), self.constant("fc.bias")], transB=1)
        self.nodes[-1].output[0] = "logits"

    def model(self, shape):
        images = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [shape[0], None])
        graph = helper.make_graph(self.nodes, "network", [images], [logits], self.values)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

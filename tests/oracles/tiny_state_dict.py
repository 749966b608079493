"""Writes tiny_state_dict.pth with PyTorch, for crates/areal-model/src/import.rs.

    pip install torch numpy
    python tests/oracles/tiny_state_dict.py tests/oracles/tiny_state_dict.pth
"""

import sys

import torch

state = {
    "conv1.weight": (torch.arange(8, dtype=torch.float64) / 2).reshape(2, 1, 2, 2),
    # A view that is not contiguous, in half precision.
    "fc.weight": torch.arange(6, dtype=torch.float16).reshape(3, 2).t(),
}
torch.save(state, sys.argv[1])

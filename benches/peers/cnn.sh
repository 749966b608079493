#!/usr/bin/env bash
# Compares CNN inference with ONNX Runtime and OpenVINO, installed from PyPI into a throw-away environment.
# usage: benches/peers/cnn.sh [ARCHITECTURE [SIDE [BATCH [BANDS]]]]     PROFILE=dev: without a release build
set -eu
cd "$(dirname "$0")/../.."
profile=${PROFILE:-release}
environment=${PEERS_ENV:-$(mktemp -d)/peers}
if ! [ -x "$environment/bin/python" ]; then
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet numpy onnx onnxruntime openvino safetensors
fi
cargo build --quiet --profile "$profile" -p areal-plan --example peer
folder=$([ "$profile" = dev ] && echo debug || echo "$profile")
RAYON_NUM_THREADS=1 "$environment/bin/python" benches/peers/cnn.py "${CARGO_TARGET_DIR:-target}/$folder/examples/peer" "$@"

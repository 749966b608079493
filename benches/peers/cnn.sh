#!/usr/bin/env bash
# Compares CNN inference with ONNX Runtime and OpenVINO.
# usage: benches/peers/cnn.sh [ARCHITECTURE [SIDE [BATCH [BANDS [PRECISION]]]]]     PROFILE=dev: without a release build
set -eu
cd "$(dirname "$0")/../.."
. benches/peers/environment.sh
profile=${PROFILE:-release}
peers numpy onnx onnxruntime openvino safetensors
# AVX2 alone is compared with PyTorch too.
if [ "${AREAL_CPU_ISA:-}" = avx2 ]; then peers torch torchvision; fi
cargo build --quiet --profile "$profile" --workspace --bins --example peer
folder=$([ "$profile" = dev ] && echo debug || echo "$profile")
RAYON_NUM_THREADS=1 "$python" benches/peers/cnn.py "${CARGO_TARGET_DIR:-target}/$folder/examples/peer" "$@"

#!/usr/bin/env bash
# Compares a step of training with PyTorch.
# usage: benches/peers/train.sh [ARCHITECTURE [SIDE [BATCH [BANDS]]]]     PROFILE=dev: without a release build
set -eu
cd "$(dirname "$0")/../.."
. benches/peers/environment.sh
profile=${PROFILE:-release}
peers numpy safetensors torch torchvision
cargo build --quiet --profile "$profile" --workspace --example train_step
folder=$([ "$profile" = dev ] && echo debug || echo "$profile")
"$python" benches/peers/train.py "${CARGO_TARGET_DIR:-target}/$folder/examples/train_step" "$@"

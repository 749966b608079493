#!/usr/bin/env bash
# Compares areal with its peers on a whole scene: predict, tile, aggregate; and, alone, memory (a very large scene).
# usage: benches/peers/scene.sh [JOB ..]     FOLDER=...: where the data is made and kept     ROUNDS=3     SIDE=8192
#        PEERS="areal onnxruntime ..": only these     PEERS_ENV=...: a Python environment to use again
#        PROFILE=dev: without a release build
#        THREADS=1: of the networks; on a busy machine, for CPU seconds that waiting threads do not inflate
set -eu
cd "$(dirname "$0")/../.."
. benches/peers/environment.sh
peers numpy onnx onnxruntime openvino safetensors rasterio geopandas exactextract torch torchvision torchgeo requests
profile=${PROFILE:-release}
cargo build --quiet --profile "$profile" --workspace --bins
side=${SIDE:-8192}
folder=${FOLDER:-${TMPDIR:-/tmp}/areal-scene-$side}
mkdir -p "$folder"
release=$(realpath "${CARGO_TARGET_DIR:-target}/$([ "$profile" = dev ] && echo debug || echo "$profile")")
[ -e "$folder/zones100k.geojson" ] || (peers=$PWD/benches/peers && cd "$folder" && "$python" "$peers/data.py" "$side")
for job in "${@:-predict}"; do
  if [ "$job" = memory ]; then
    "$release/predict-scene" "$release/areal" "$folder/large" 40000
  else
    "$python" benches/peers/scene.py "$job" "$release" "$folder"
  fi
done

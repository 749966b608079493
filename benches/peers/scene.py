"""Alternates areal and its peers on one job and prints the medians: see scene.sh.

areal is charged for its whole process. The Python programs report their own seconds, without the start of the
interpreter and imports; peak memory is that of the main process.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import rasterio

HERE = Path(__file__).parent
PATCH = 64
UNITS = {"predict": "patches", "tile": "patches", "aggregate": "zones"}


def jobs(job, release, folder):
    """The programs of a job, by name."""
    areal, out, scene = str(release / "areal"), folder / "out", str(folder / "scene.tif")
    out.mkdir(exist_ok=True)
    python = lambda program, *arguments: [sys.executable, str(HERE / program), *map(str, arguments)]
    if job == "predict":
        bundle = folder / "resnet18"
        if not bundle.exists():
            subprocess.run([release / "random-bundle", scene, "resnet18", bundle], check=True)
        command = [areal, "predict", scene, "--bundle", str(bundle), "--out", str(out / "prediction"), "--overwrite"]
        peer = lambda name: python("predict_peer.py", name, scene, bundle, out / f"{name}.tif")
        names = ["torchgeo", "pytorch", "onnxruntime", "openvino"]
        return {"areal": command, **{name: peer(name) for name in names}}
    if job == "tile":
        labels = ["--labels", str(folder / "classes.tif"), "--min-label-fraction", "0", "--min-valid", "0"]
        command = [areal, "tile", scene, *labels, "--out", str(out / "store"), "--overwrite"]
        peer = lambda name: python("tile_peer.py", name, scene, folder / "classes.tif", out / "patches")
        return {"areal": command, **{name: peer(name) for name in ["decode", "cut"]}}
    if job == "aggregate":
        zones = folder / "zones500.geojson"
        runs = {}
        for content, raster, operations in (
            ("classes", "classes.tif", ["frac", "unique"]),
            ("values", "scene.tif", ["mean", "stdev", "count"]),
        ):
            runs[f"areal {content}"] = [
                areal, "aggregate", "--raster", str(folder / raster), "--content", content, "--zones", str(zones),
                "--zone-id", "id", "--out", str(out / "areas"), "--overwrite",
            ]  # fmt: skip
            for strategy in ("feature-sequential", "raster-sequential"):
                arguments = [folder / raster, zones, strategy, out, *operations]
                runs[f"exactextract {content}, {strategy[:-11]}"] = python("zonal_peer.py", *arguments)
        return runs
    raise SystemExit(f"no job {job!r}: predict, tile, aggregate or memory")


def measure(name, command):
    """Wall seconds, processor seconds, peak MB and whatever else the program says of itself."""
    threads = os.environ.get("THREADS", str(os.cpu_count()))
    environment = os.environ | {"RAYON_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        said.seek(0)
        lines = said.read().splitlines()
    if status != 0:
        raise SystemExit("\n".join([f"{name} failed:", *lines]))
    found = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}
    if not name.startswith("areal"):
        found |= json.loads(lines[-1])
    return found


def main():
    job, release, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    runs = jobs(job, release, folder)
    chosen = os.environ.get("PEERS", "").split()
    runs = {name: command for name, command in runs.items() if not chosen or name.split()[0] in chosen}
    found = {name: [] for name in runs}
    for _ in range(int(os.environ.get("ROUNDS", "3"))):
        for name, command in runs.items():
            found[name].append(measure(name, command))
            one = found[name][-1]
            print(f"{name}: {one}  load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    with rasterio.open(folder / "scene.tif") as scene:
        pixels = scene.height * scene.width
    units = 500 if UNITS[job] == "zones" else pixels // PATCH**2
    print(f"\n{job}, medians of {len(next(iter(found.values())))}")
    print(f"{'program':<32} {'wall s':>8} {'CPU s':>8} {UNITS[job] + '/s':>10} {'Mpix/s':>8} {'peak MB':>8}")
    for name, rows in found.items():
        wall, cpu, peak = (statistics.median(row[key] for row in rows) for key in ("wall", "cpu", "peak"))
        print(f"{name:<32} {wall:>8.1f} {cpu:>8.1f} {units / wall:>10.0f} {pixels / 1e6 / wall:>8.2f} {peak:>8.0f}")
    if job == "predict":
        compare(folder / "out", [name for name in runs if name != "areal"])


def compare(out, peers):
    """The share of cells in which a peer's class is areal's."""
    read = lambda path: rasterio.open(path).read(1)
    ours = read(out / "prediction" / "classes.tif")
    for name in peers:
        print(f"{name}: {(read(out / f'{name}.tif') == ours).mean():.4%} of the cells have areal's class")


if __name__ == "__main__":
    main()

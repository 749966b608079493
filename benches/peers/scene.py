"""Alternates areal and its peers on one job and prints the medians: see scene.sh.

areal is charged for its whole process. The Python programs report their own seconds, without the start of the
interpreter and imports; peak memory is that of the main process.
"""

import csv
import json
import os
import re
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
# What is summed over which zones, and exactextract's operations for it.
AGGREGATIONS = [
    ("classes", "classes.tif", "zones500.geojson", ["frac", "unique"]),
    ("values", "scene.tif", "zones500.geojson", ["mean", "stdev", "count"]),
    ("classes of 100,000 zones", "classes.tif", "zones100k.geojson", ["frac", "unique"]),
]


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
        runs = {}
        for label, raster, zones, operations in AGGREGATIONS:
            places = out / label.replace(" ", "-")
            places.mkdir(exist_ok=True)
            command = [
                areal, "aggregate", "--raster", str(folder / raster), "--content", label.split()[0], "--zones",
                str(folder / zones), "--zone-id", "id", "--overwrite", "--out",
            ]  # fmt: skip
            runs[f"areal {label}"] = [*command, str(places / "areas")]
            for strategy in ("feature-sequential", "raster-sequential"):
                arguments = [folder / raster, folder / zones, strategy, places, *operations]
                runs[f"exactextract {label}, {strategy[:-11]}"] = python("zonal_peer.py", *arguments)
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
    zones = lambda name: 100_000 if "100,000" in name else 500
    units = lambda name: zones(name) if UNITS[job] == "zones" else pixels // PATCH**2
    print(f"\n{job}, medians of {len(next(iter(found.values())))}")
    print(f"{'program':<52} {'wall s':>8} {'CPU s':>8} {UNITS[job] + '/s':>10} {'Mpix/s':>8} {'peak MB':>8} {'areal is, by wall':>18} {'by CPU':>8}")
    ours = None
    for name, rows in found.items():
        wall, cpu, peak = (statistics.median(row[key] for row in rows) for key in ("wall", "cpu", "peak"))
        # Each of areal's runs stands before those that it is compared with.
        ours = (wall, cpu) if name.startswith("areal") else ours
        ratios = f"{wall / ours[0]:>17.2f}x {cpu / ours[1]:>7.2f}x" if ours and not name.startswith("areal") else ""
        print(f"{name:<52} {wall:>8.1f} {cpu:>8.1f} {units(name) / wall:>10.0f} {pixels / 1e6 / wall:>8.2f} {peak:>8.0f} {ratios}")
    if job == "predict":
        compare(folder / "out", [name for name in runs if name != "areal"])
    if job == "aggregate" and any(name.startswith("exactextract") for name in runs):
        for label, *_ in AGGREGATIONS:
            compare_sums(folder / "out" / label.replace(" ", "-"), label)


def compare_sums(places, label):
    """The greatest difference between areal's sums and exactextract's, relative to 1 or the value."""
    ours = {}
    with open(places / "areas" / "areas.csv", newline="") as table:
        for row in csv.DictReader(table):
            key = row["class_code"] if row["measure"] == "class_share" else row["measure"]
            ours.setdefault((row["zone_id"], key), []).append(float(row["value"] or "nan"))
    numbers = lambda text: [float(n) for n in re.findall(r"[-+.e\d]+", text)]
    worst, count = 0.0, 0
    with open(places / "exactextract.csv", newline="") as table:
        for row in csv.DictReader(table):
            zone = row["id"] if row["id"].startswith("z") else f"z{row['id']}"
            if "frac" in row:
                pairs = [
                    (ours[zone, f"{code:.0f}"][0], share)
                    for share, code in zip(numbers(row["frac"]), numbers(row["unique"]))
                ]
            else:
                pairs = []
                for theirs, own in (("mean", "mean"), ("stdev", "standard_deviation"), ("count", "observed_cells")):
                    values = [float(v) for name, v in row.items() if name.endswith(theirs)]
                    pairs += zip(ours[zone, own], values, strict=True)
            # A zone without any observed cell has no mean.
            known = [(a, b) for a, b in pairs if a == a and b == b]
            worst = max([worst, *(abs(a - b) / max(1, abs(b)) for a, b in known)])
            count += len(known)
    print(f"{label}: {count} numbers of areal and exactextract differ by {worst:.1e} at most")


def compare(out, peers):
    """The share of cells in which a peer's class is areal's."""
    read = lambda path: rasterio.open(path).read(1)
    ours = read(out / "prediction" / "classes.tif")
    for name in peers:
        print(f"{name}: {(read(out / f'{name}.tif') == ours).mean():.4%} of the cells have areal's class")


if __name__ == "__main__":
    main()

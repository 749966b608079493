//! More kinds of files to be damaged: what an interrupted process keeps, and what lies beside rasters and outputs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::mutated_kinds::{DamagedInput, Manifests};
use crate::{JOB, has_tool, interrupt_when_work_is_kept, run};

/// Slow enough to be interrupted.
const PREDICT: &str = "predict scene_west.tif --bundle out/bundle --bands blue,green,red,nir,swir --stride 4 --threads 1 \
                       --memory 1 --batch-size 8";
const TRAIN: &str = "train --store out/patches --epochs 3";
const CLASSES: &str = "aggregate --content classes --zones districts.gpkg --zone-id district_id --raster @/classes.png";
const LEASED: &str = "aggregate --raster truth.tif --zones districts.gpkg --zone-id district_id";

/// Continued, each of them has to give the bytes of a run that was not disturbed, or to be refused.
const JOURNAL: [&str; 2] = ["journal.json", "strip-000000.shard"];
const CHECKPOINT: [&str; 6] = [
    "state.json",
    "history.json",
    "weights.safetensors",
    "best.safetensors",
    "optimiser.safetensors",
    "areal-manifest.json",
];

struct Unfinished {
    folder: TempDir,
}

impl Unfinished {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The words of a command with its output.
fn words(command: &str, out: &Path) -> Vec<String> {
    let out = ["--out", out.to_str().unwrap()].map(str::to_owned);
    command.split_whitespace().map(str::to_owned).chain(out).collect()
}

static UNFINISHED: LazyLock<Unfinished> = LazyLock::new(|| {
    let made = Unfinished { folder: tempfile::tempdir().unwrap() };
    for (name, command) in [("predict", PREDICT), ("train", TRAIN)] {
        let whole = made.at(name).join("out.html");
        std::fs::create_dir(made.at(name)).unwrap();
        let mut command_once = Command::new(crate::binary());
        run(command_once.current_dir(JOB.demo()).args(words(command, &whole))).expect(0);
    }
    let at = made.at("out.html");
    interrupt_when_work_is_kept(&JOB.demo(), words(PREDICT, &at), &made.at(".out.html.resume"));
    interrupt_when_work_is_kept(&JOB.demo(), words(TRAIN, &at), &made.at(".out.html.checkpoint"));
    let lease = "{\"format\": \"areal-lease/1\", \"host\": \"node7\", \"boot_id\": \"0\", \"pid\": 7, \"since\": 7, \"nonce\": \"7\"}";
    std::fs::write(made.at(".out.html.lock"), lease).unwrap();
    if has_tool("gdal_translate") && has_tool("ogr2ogr") {
        beside_rasters(&made);
    }
    made
});

/// A raster with a file of GDAL's beside it, and one with a table of Esri's.
fn beside_rasters(made: &Unfinished) {
    let classes = JOB.out().join("predictions/landscape/classes.tif");
    for name in ["gdal", "esri"] {
        std::fs::create_dir(made.at(name)).unwrap();
        let png = made.at(name).join("classes.png");
        run(Command::new("gdal_translate").args(["-q", "-of", "PNG"]).arg(&classes).arg(png)).expect(0);
    }
    let table = made.at("classes.csv");
    std::fs::write(&table, "Value,Name\n0,a\n1,b\n2,c\n3,d\n4,e\n").unwrap();
    let mut convert = Command::new("ogr2ogr");
    convert.args(["-oo", "AUTODETECT_TYPE=YES", "-f", "ESRI Shapefile"]);
    run(convert.arg(made.at("esri/classes.png.vat.dbf")).arg(table)).expect(0);
}

/// All kinds that can be tried here.
pub fn kinds() -> Vec<DamagedInput> {
    let made = &*UNFINISHED;
    let work = |name: &'static str, command: &str, same: &str, manifest| DamagedInput {
        copied: made.at(name),
        file: "",
        command: command.to_owned(),
        manifest,
        same_as: (!same.is_empty()).then(|| made.at(same)),
    };
    let mut kinds = Vec::new();
    for file in JOURNAL {
        let kind = work(".out.html.resume", &format!("{PREDICT} --resume"), "predict", Manifests::Removed);
        kinds.push(DamagedInput { file, ..kind });
    }
    for file in CHECKPOINT {
        let kind = work(".out.html.checkpoint", TRAIN, "train", Manifests::Kept);
        kinds.push(DamagedInput { file, ..kind });
        if file != areal_job::MANIFEST {
            let kind = work(".out.html.checkpoint", TRAIN, "", Manifests::Removed);
            kinds.push(DamagedInput { file, ..kind });
        }
    }
    kinds.push(work(".out.html.lock", LEASED, "", Manifests::Removed));
    for (name, file) in [("gdal", "classes.png.aux.xml"), ("esri", "classes.png.vat.dbf")] {
        if made.at(name).join(file).exists() {
            kinds.push(DamagedInput { file, ..work(name, CLASSES, "", Manifests::Removed) });
        }
    }
    kinds
}

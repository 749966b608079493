//! The kinds of files that areal reads, each with a command that reads it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::{JOB, has_tool, run, skipped};

/// What becomes of the manifest of a copy before it is damaged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manifests {
    /// Damage has to be seen by it, or to be without effect.
    Kept,
    /// Damage comes to the one who reads the file.
    Removed,
}

/// One kind of file. The command runs in the folder of the job; `@` in it stands for the copy of the folder or file.
pub struct DamagedInput {
    /// What is copied: a folder, or a file.
    pub copied: PathBuf,
    /// The file in it that is damaged; empty where it is the file itself.
    pub file: &'static str,
    pub command: String,
    pub manifest: Manifests,
    /// A folder with what a run makes that was not disturbed: one on damaged files makes the same, or it fails.
    pub same_as: Option<PathBuf>,
}

impl DamagedInput {
    fn new(folder: &Path, (copied, file, command): (&str, &'static str, &str)) -> Self {
        let manifest = if file == areal_job::MANIFEST || command.starts_with("verify") || file == "classes.qml" {
            Manifests::Kept
        } else {
            Manifests::Removed
        };
        Self { copied: folder.join(copied), file, command: command.to_owned(), manifest, same_as: None }
    }
}

const EVALUATE: &str = "evaluate --bundle out/bundle --store @";
const WITH_BUNDLE: &str = "evaluate --bundle @ --store out/patches";
const AGGREGATE: &str = "aggregate --prediction @ --zones districts.gpkg --zone-id district_id";
const ZONES: &str = "aggregate --prediction out/predictions/landscape --zones @";
const DISTRICTS: &str = "aggregate --prediction out/predictions/landscape --zone-id district_id --zones @";
const MAP_AGAIN: &str =
    "predict scene_west.tif --bundle out/bundle --bands blue,green,red,nir,swir --stride 8 --overwrite --out @";
const DESIGN: &str = "estimate --prediction out/predictions/landscape --sample labels/landscape.csv --design @";
const DRAW: &str = "sample --size 60 --prediction @";
const SAMPLE: &str = "estimate --prediction out/predictions/landscape --design out/samples/landscape --sample @";
const CLASSES: &str = "aggregate --content classes --zones districts.gpkg --zone-id district_id --raster @";
const VALUES: &str = "aggregate --content values --zones districts.gpkg --zone-id district_id --raster @";
const LEGEND: &str = "aggregate --raster truth.tif --zones districts.gpkg --zone-id district_id --legend @";
const CODES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/legend.csv");
const LABELS: &str = "tile scene_west.tif --label-field class --patch-size 16 --labels @";
const QUARTERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/sentinel2-amazon-quarters.geojson");

/// Files of the job: what is copied, what in it is damaged, the command.
const OF_JOB: [(&str, &str, &str); 33] = [
    ("out/patches", "store.json", EVALUATE),
    ("out/patches", "pixels.npy", EVALUATE),
    ("out/patches", "states.npy", EVALUATE),
    ("out/patches", "patches.csv", EVALUATE),
    ("out/bundle", "model.json", WITH_BUNDLE),
    ("out/bundle", "weights.safetensors", WITH_BUNDLE),
    ("out/bundle", "probe.json", "bundle verify @"),
    ("out/bundle", "areal-manifest.json", "verify @"),
    ("out/bundle", "areal-manifest.json", WITH_BUNDLE),
    ("out/predictions/landscape", "areal-manifest.json", AGGREGATE),
    ("out/predictions/landscape", "classes.qml", MAP_AGAIN),
    ("out/estimates/landscape", "estimates.json", "verify @"),
    ("out/predictions/landscape", "prediction.json", AGGREGATE),
    ("out/predictions/landscape", "classes.tif", AGGREGATE),
    ("out/predictions/landscape", "states.tif", AGGREGATE),
    ("out/predictions/landscape", "shares.tif", AGGREGATE),
    ("out/predictions/landscape", "probabilities.tif", DRAW),
    ("districts.gpkg", "", DISTRICTS),
    (QUARTERS, "", ZONES),
    (CODES, "", LEGEND),
    ("labels.gpkg", "", LABELS),
    ("scene_west.tif", "", "inspect @"),
    ("scene_west.tif", "", VALUES),
    ("out/samples/landscape", "design.json", DESIGN),
    ("out/samples/landscape", "units.csv", DESIGN),
    ("labels/landscape.csv", "", SAMPLE),
    ("out/estimates/landscape", "estimates.csv", "compare @ out/estimates/landscape"),
    ("out/estimates/landscape", "estimates.json", "report --estimates @"),
    ("out/areas/landscape", "areas.csv", "report --areas @"),
    ("out/areas/landscape", "areas.json", "report --areas @"),
    ("out/evaluation", "evaluation.json", "report --evaluation @"),
    ("out/saliency/landscape", "explain.json", "report --explain @"),
    ("recipe.toml", "", "run --dry-run @"),
];

/// Files that are made for this.
const MADE: [(&str, &str, &str); 7] = [
    ("zones", "zones.shp", DISTRICTS),
    ("zones", "zones.dbf", DISTRICTS),
    ("zones", "zones.shx", DISTRICTS),
    ("zones", "zones.prj", DISTRICTS),
    ("classes.vrt", "", CLASSES),
    ("classes.png", "", CLASSES),
    ("units.geojson", "", SAMPLE),
];

static FOLDER: LazyLock<Option<TempDir>> = LazyLock::new(|| {
    if !["ogr2ogr", "gdal_translate"].iter().all(|tool| has_tool(tool)) {
        skipped("this machine has no tools of GDAL");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let (at, of_job) = (|name: &str| folder.path().join(name), |name: &str| JOB.demo().join(name));
    std::fs::create_dir(at("zones")).unwrap();
    let classes = of_job("out/predictions/landscape/classes.tif");
    run(Command::new("ogr2ogr").arg(at("zones/zones.shp")).arg(of_job("districts.gpkg"))).expect(0);
    run(Command::new("gdal_translate").args(["-q", "-of", "VRT"]).arg(&classes).arg(at("classes.vrt"))).expect(0);
    run(Command::new("gdal_translate").args(["-q", "-of", "PNG"]).arg(&classes).arg(at("classes.png"))).expect(0);
    run(Command::new("ogr2ogr").arg(at("units.geojson")).arg(of_job("out/samples/landscape/sample.gpkg"))).expect(0);
    Some(folder)
});

/// All kinds that can be tried here.
pub fn kinds() -> Vec<DamagedInput> {
    let demo = JOB.demo();
    let made = FOLDER.iter().flat_map(|folder| MADE.map(|kind| DamagedInput::new(folder.path(), kind)));
    OF_JOB
        .into_iter()
        .map(|kind| DamagedInput::new(&demo, kind))
        .chain(made)
        .chain(crate::mutated_work::kinds())
        .collect()
}

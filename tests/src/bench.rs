//! One zone over small rasters that GDAL makes, and `areal aggregate` on them.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::maps::square;
use crate::{ProgramRun, areal, run};

/// A folder with a zone file of one square from 10 to 11 degrees east and 0 to 1 degrees north.
pub struct Bench {
    pub folder: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        let geometry = serde_json::json!({ "type": "Polygon", "coordinates": [square(10.0, 0.0, 1.0)] });
        let zone = serde_json::json!({ "type": "Feature", "properties": { "id": "z" }, "geometry": geometry });
        let zones = serde_json::json!({ "type": "FeatureCollection", "features": [zone] });
        std::fs::write(bench.path("zones.geojson"), zones.to_string()).unwrap();
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Makes a raster from rows of numbers, north to south, over the zone; `options` are those of `gdal_translate`.
    pub fn raster(&self, name: &str, rows: &[&[f64]], options: &[&str]) -> String {
        let (height, width) = (rows.len(), rows[0].len());
        let mut grid = format!(
            "ncols {width}\nnrows {height}\nxllcorner 10\nyllcorner 0\ndx {}\ndy {}\n",
            1.0 / width as f64,
            1.0 / height as f64
        );
        for row in rows {
            grid += &(row.iter().map(f64::to_string).collect::<Vec<_>>().join(" ") + "\n");
        }
        std::fs::write(self.path("grid.asc"), grid).unwrap();
        let mut command = Command::new("gdal_translate");
        command.args(["-q", "-a_srs", "EPSG:4326", "-oo", "DATATYPE=Float64"]).args(options);
        run(command.arg(self.path("grid.asc")).arg(self.path(name))).expect(0);
        self.text(name)
    }

    pub fn aggregate(&self, raster: &str, flags: &[&str]) -> ProgramRun {
        let (zones, out) = (self.text("zones.geojson"), self.text("areas"));
        let fixed = [
            "aggregate",
            "--raster",
            raster,
            "--zones",
            &zones,
            "--zone-id",
            "id",
            "--out",
            &out,
            "--json",
            "--overwrite",
        ];
        areal(fixed.iter().chain(flags))
    }

    /// The mean of what GDAL counts as valid in band 1.
    pub fn gdal_mean(raster: &str) -> f64 {
        let said =
            run(Command::new("gdalinfo").args(["-json", "-stats", "--config", "GDAL_PAM_ENABLED", "NO", raster]));
        let said: Value = serde_json::from_str(&said.stdout).unwrap();
        said["bands"][0]["metadata"][""]["STATISTICS_MEAN"].as_str().unwrap().parse().unwrap()
    }
}

#[track_caller]
pub fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found}, not {expected}");
}

pub fn share(run: &ProgramRun, column: &str) -> f64 {
    let zone = run.json()["zones"][0].clone();
    zone[column].as_f64().unwrap_or_else(|| panic!("{column}: {zone}"))
}

/// An attribute table beside a raster, as GIS programs write it.
pub fn attribute_table(raster: &str) {
    let row = |k: usize, cells: [&str; 3]| {
        format!("<Row index=\"{k}\">{}</Row>", cells.map(|cell| format!("<F>{cell}</F>")).concat())
    };
    let column = |k: usize, name: &str, kind: u8, usage: u8| {
        format!("<FieldDefn index=\"{k}\"><Name>{name}</Name><Type>{kind}</Type><Usage>{usage}</Usage></FieldDefn>")
    };
    let columns = [column(0, "Value", 0, 5), column(1, "Count", 0, 1), column(2, "Class_Name", 2, 2)].concat();
    let rows = [row(0, ["1", "1", "Corn"]), row(1, ["5", "3", "Soybeans"])].concat();
    let table = format!("<GDALRasterAttributeTable>{columns}{rows}</GDALRasterAttributeTable>");
    let text = format!("<PAMDataset><PAMRasterBand band=\"1\">{table}</PAMRasterBand></PAMDataset>");
    std::fs::write(format!("{raster}.aux.xml"), text).unwrap();
}

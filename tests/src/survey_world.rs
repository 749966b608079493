//! A map with its truth, for the tests of `sample` and `estimate`.

use std::collections::HashMap;
use std::path::PathBuf;

use areal_grid::{Affine, Class, PixelGrid, PixelState};
use areal_raster::{Feature, Field, FieldKind, FieldValue, VectorLayer, crs_from_text, write_layer};
use tempfile::TempDir;

use crate::prediction_folder;
use crate::{ProgramRun, Row, areal, rows};

pub const SIDE: usize = 300;
pub const NODATA_ROWS: usize = 20;

/// A map of three classes and its truth, in degrees: cells shrink to the north.
pub struct World {
    pub folder: TempDir,
    pub truth: Vec<u8>,
    pub map: Vec<u8>,
}

pub fn grid() -> PixelGrid {
    PixelGrid {
        crs: crs_from_text("EPSG:4326").unwrap(),
        transform: Affine::north_up([102.0, 19.0], [0.01, 0.01]),
        height: SIDE,
        width: SIDE,
    }
}

/// True area of each cell in km2, on the ellipsoid.
pub fn cell_areas() -> Vec<f64> {
    let grid = grid();
    let positions = areal_raster::EarthPositions::new(&grid.crs).unwrap();
    let areas = areal_grid::CellAreas::new(&grid, grid.crs.ellipsoid).of(&grid.window(), &positions);
    (0..SIDE * SIDE).map(|k| areas.at(k / SIDE, k % SIDE) / 1e6).collect()
}

/// A number from 0 to 1 that looks random.
pub fn noise(k: usize) -> f64 {
    ((k as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64
        / (1u64 << 53) as f64
}

fn classes() -> Vec<Class> {
    [(1, "rubber"), (2, "forest"), (3, "paddy")]
        .map(|(code, name)| Class { code, name: name.into(), colour: [code * 40, 90, 200] })
        .to_vec()
}

pub fn world() -> World {
    let mut truth = vec![255u8; SIDE * SIDE];
    let mut map = truth.clone();
    for k in NODATA_ROWS * SIDE..SIDE * SIDE {
        let (r, c) = (k / SIDE, k % SIDE);
        truth[k] = match ((r / 25) + (c / 20)) % 8 {
            0 => 1,
            1 | 4 | 6 => 3,
            _ => 2,
        };
        // The map misses three in ten rubber cells and sees forest there.
        map[k] = if truth[k] == 1 && noise(k) < 0.3 || truth[k] == 3 && noise(k) < 0.08 { 2 } else { truth[k] };
    }
    let folder = tempfile::tempdir().unwrap();
    let world = World { folder, truth, map };
    world.write_prediction("prediction", &world.map);
    world.write_zones();
    world
}

impl World {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub fn write_prediction(&self, name: &str, map: &[u8]) {
        self.write_prediction_without_probabilities_in(name, map, 0);
    }

    /// The probabilities of the first so many mapped cells are all zero.
    pub fn write_prediction_without_probabilities_in(&self, name: &str, map: &[u8], cells: usize) {
        let state = |m: &u8| if *m == 255 { PixelState::Nodata } else { PixelState::Observed };
        let states: Vec<PixelState> = map.iter().map(state).collect();
        let probability = |band: u8| {
            let p = move |m: &u8| match *m {
                255 => f32::NAN,
                m if m == band + 1 => 0.8,
                _ => 0.1,
            };
            map.iter().map(p).collect()
        };
        let mut probabilities: Vec<Vec<f32>> = (0..3).map(probability).collect();
        for k in (0..map.len()).filter(|k| map[*k] != 255).take(cells) {
            for band in &mut probabilities {
                band[k] = 0.0;
            }
        }
        prediction_folder::write_classes(&self.path(name), &grid(), &classes(), &states, map, &probabilities);
    }

    /// Nine zones that split the map; their inner borders cut through cells.
    fn write_zones(&self) {
        let edge = [102.0, 103.004, 104.003, 105.0];
        let side = [16.0, 17.006, 18.002, 19.0];
        let features = (0..9).map(|k| {
            let (i, j) = (k / 3, k % 3);
            let rect = geo::Rect::new((edge[j], side[i]), (edge[j + 1], side[i + 1]));
            let values = vec![FieldValue::Text(format!("Z{k}")), FieldValue::Text(format!("Zone {k}"))];
            Feature { fid: -1, geometry: Some(geo::Geometry::Polygon(rect.to_polygon())), values }
        });
        let layer = VectorLayer {
            name: "zones".into(),
            crs: Some(grid().crs),
            fields: ["id", "name"].map(|n| Field { name: n.into(), kind: FieldKind::Text }).to_vec(),
            features: features.collect(),
        };
        write_layer(&self.path("zones.gpkg"), &layer).unwrap();
    }

    /// Fills the label of every unit of a sample folder in, from the truth.
    pub fn label(&self, sample: &str, file: &str, out: &str) {
        let units = rows(&self.path(sample).join("units.csv"));
        let truth: HashMap<String, u8> = units
            .iter()
            .map(|u| {
                let at = |f: &str| u[f].parse::<usize>().unwrap();
                (u["unit_id"].clone(), self.truth[at("row") * SIDE + at("col")])
            })
            .collect();
        let mut writer = csv::Writer::from_path(self.path(out)).unwrap();
        writer.write_record(["unit_id", "lon", "lat", "label"]).unwrap();
        for row in rows(&self.path(sample).join(file)) {
            let name = &classes()[usize::from(truth[&row["unit_id"]]) - 1].name;
            writer.write_record([&row["unit_id"], &row["lon"], &row["lat"], name]).unwrap();
        }
        writer.flush().unwrap();
    }

    /// True area of a class in km2, on the ellipsoid.
    pub fn true_area(&self, code: u8) -> f64 {
        let areas = cell_areas();
        self.truth.iter().zip(&areas).filter(|(t, _)| **t == code).map(|(_, a)| a).sum()
    }

    pub fn sample(&self, extra: &[&str]) -> ProgramRun {
        let (prediction, out) = (self.text("prediction"), self.text("sample"));
        areal(["sample", "--prediction", &prediction, "--out", &out, "--seed", "4"].iter().chain(extra))
    }

    pub fn estimate(&self, out: &str, extra: &[&str]) -> ProgramRun {
        let names = ["prediction", "sample", "labelled.csv", out].map(|n| self.text(n));
        let [prediction, design, labelled, out] = names.each_ref();
        let base = ["estimate", "--prediction", prediction, "--design", design, "--sample", labelled, "--out", out];
        areal(base.iter().chain(extra))
    }

    /// Keeps the labelled units that pass, with their rows of `units.csv`.
    pub fn keep(&self, pass: impl Fn(&Row) -> bool) {
        let units: HashMap<String, Row> =
            rows(&self.path("sample/units.csv")).into_iter().map(|u| (u["unit_id"].clone(), u)).collect();
        let text = std::fs::read_to_string(self.path("labelled.csv")).unwrap();
        let kept = |line: &&str| units.get(line.split(',').next().unwrap_or_default()).is_none_or(&pass);
        std::fs::write(self.path("labelled.csv"), text.lines().filter(kept).collect::<Vec<_>>().join("\n") + "\n")
            .unwrap();
    }

    /// Writes a layer of rectangles, each with its id, west, south, east and north; returns its path.
    pub fn write_rectangles(&self, name: &str, zones: &[(&str, [f64; 4])]) -> String {
        let feature = |(id, [west, south, east, north]): &(&str, [f64; 4])| Feature {
            fid: -1,
            geometry: Some(geo::Geometry::Polygon(geo::Rect::new((*west, *south), (*east, *north)).to_polygon())),
            values: vec![FieldValue::Text((*id).into())],
        };
        let layer = VectorLayer {
            name: "zones".into(),
            crs: Some(grid().crs),
            fields: vec![Field { name: "id".into(), kind: FieldKind::Text }],
            features: zones.iter().map(feature).collect(),
        };
        write_layer(&self.path(name), &layer).unwrap();
        self.text(name)
    }
}

/// A world with a labelled sample of 200 units.
pub fn labelled_world() -> (World, String) {
    let w = world();
    w.sample(&["--size", "200", "--strata", "classes"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let text = std::fs::read_to_string(w.path("labelled.csv")).unwrap();
    (w, text)
}

/// The estimates of the labels in a text, in bytes.
pub fn estimates(w: &World, out: &str, text: &[u8], flags: &[&str]) -> Vec<String> {
    std::fs::write(w.path("labelled.csv"), text).unwrap();
    w.estimate(out, flags).expect(0);
    rows(&w.path(out).join("estimates.csv")).iter().map(|row| row["estimate"].clone()).collect()
}

//! A folder of scenes, rasters and labels made for a test of `areal tile`.

use std::path::{Path, PathBuf};

use areal_formats::Resampling;
use areal_grid::{Affine, PixelGrid, Pixels};
use areal_raster::{
    CogBand, CogSpec, CogWriter, Feature, Field, FieldKind, FieldValue, VectorLayer, crs_from_text, write_layer,
};
use areal_store::{Label, PatchStore};
use geo::{Geometry, Rect, coord};

use crate::{ProgramRun, areal};

/// A folder of inputs made for a test.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A one-band scene of 10 m pixels whose values are `value(row, col)`; 65535 is nodata.
    pub fn scene(&self, name: &str, grid: &PixelGrid, value: impl Fn(usize, usize) -> u16) -> PathBuf {
        let values = (0..grid.height).flat_map(|r| (0..grid.width).map(move |c| (r, c)));
        self.raster(name, grid, Pixels::U16(values.map(|(r, c)| value(r, c)).collect()), 65535.0)
    }

    #[expect(clippy::needless_pass_by_value, reason = "each call makes its own")]
    pub fn raster(&self, name: &str, grid: &PixelGrid, pixels: Pixels, nodata: f64) -> PathBuf {
        let path = self.path(name);
        let spec = CogSpec {
            pixel_type: pixels.pixel_type(),
            nodata: Some(nodata),
            bands: vec![CogBand { description: "grey".into(), legend: Vec::new() }],
            metadata: Vec::new(),
            overview_resampling: Resampling::Nearest,
        };
        let mut writer = CogWriter::create(&path, grid, &spec).unwrap();
        writer.write(0, &grid.window(), &pixels).unwrap();
        writer.finish().unwrap();
        path
    }

    /// A layer in the CRS of `grid` with the text field `class`, the number field `value` and the text field `part`.
    pub fn layer(&self, name: &str, grid: &PixelGrid, shapes: &[(Geometry<f64>, &str, f64, &str)]) -> PathBuf {
        let path = self.path(name);
        let field = |name: &str, kind| Field { name: name.into(), kind };
        let feature = |(geometry, class, value, part): &(Geometry<f64>, &str, f64, &str)| Feature {
            fid: -1,
            geometry: Some(geometry.clone()),
            values: vec![FieldValue::Text((*class).into()), FieldValue::Real(*value), FieldValue::Text((*part).into())],
        };
        let layer = VectorLayer {
            name: "labels".into(),
            crs: Some(grid.crs.clone()),
            fields: vec![
                field("class", FieldKind::Text),
                field("value", FieldKind::Real),
                field("part", FieldKind::Text),
            ],
            features: shapes.iter().map(feature).collect(),
        };
        write_layer(&path, &layer).unwrap();
        path
    }

    /// Runs tile into `out`, paths in messages made short.
    pub fn tile<S: AsRef<str>>(&self, out: &str, args: &[S]) -> ProgramRun {
        let out = self.path(out);
        let mut all = vec!["tile", "--out", out.to_str().unwrap()];
        all.extend(args.iter().map(AsRef::as_ref));
        let mut run = areal(all);
        let folder = format!("{}/", self.0.path().display());
        run.stderr = run.stderr.replace(&folder, "").replace(&folder.replace('/', "/ "), "");
        run
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub fn utm(zone: u32, origin: [f64; 2], height: usize, width: usize) -> PixelGrid {
    let crs = crs_from_text(&format!("EPSG:326{zone}")).unwrap();
    PixelGrid { crs, transform: Affine::north_up(origin, [10.0, 10.0]), height, width }
}

/// A rectangle of pixels of a grid: rows `r0..r1`, columns `c0..c1`.
pub fn rectangle(grid: &PixelGrid, [r0, c0, r1, c1]: [f64; 4]) -> Geometry<f64> {
    let (a, b) = (grid.transform.apply(r0, c0), grid.transform.apply(r1, c1));
    Rect::new(coord! { x: a[0], y: a[1] }, coord! { x: b[0], y: b[1] }).to_polygon().into()
}

/// Scene and labels of 40 x 60 pixels: forest in the west, water in the east.
pub fn halves(place: &Place) -> (PathBuf, PathBuf) {
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let scene = place.scene("scene.tif", &grid, |r, c| (r * 60 + c) as u16);
    let shapes = [
        (rectangle(&grid, [0.0, 0.0, 40.0, 30.0]), "forest", 1.0, "train"),
        (rectangle(&grid, [0.0, 30.0, 40.0, 60.0]), "water", 2.0, "test"),
    ];
    (scene, place.layer("labels.gpkg", &grid, &shapes))
}

pub fn class_names(store: &PatchStore) -> Vec<String> {
    let classes = store.meta().target.classes();
    let name = |label| match label {
        Label::Class(code) => classes.iter().find(|c| c.code == code).unwrap().name.clone(),
        Label::Value(_) => panic!("a value"),
    };
    store.records().iter().map(|r| name(r.label)).collect()
}

//! Generates the landscape and writes its files.

use std::path::{Path, PathBuf};

use areal_formats::Resampling;
use areal_grid::{Affine, Class, Crs, PixelGrid, PixelType, Pixels, Window};
use areal_job::{FileError, Interrupted, Job, StagedDir, Task, Unit};
use areal_raster::{
    CogBand, CogSpec, CogWriter, Feature, Field, FieldKind, FieldValue, Projection, VectorLayer, crs_from_text,
    write_layer,
};
use geo::{Geometry, Point as GeoPoint};

use crate::dimensions::{DemoSettings, Dimensions, PIXEL};
use crate::districts::{District, districts};
use crate::error::DemoError;
use crate::inhabitants::Inhabitants;
use crate::labels::labels;
use crate::land_use::LandUse;
use crate::plane::{self, PlanePositions};
use crate::scene::{Acquisition, NODATA, STRIP};
use crate::surface::{BAND_NAMES, BANDS};
use crate::truth::Truth;
use crate::world::World;
use crate::{recipes, tables};

#[derive(Debug, Clone)]
pub struct DemoSummary {
    /// Files, relative to the folder, in order of name.
    pub files: Vec<PathBuf>,
    pub districts: usize,
    /// Number of label polygons of each class.
    pub labels: Vec<(LandUse, usize)>,
    /// Number of survey clusters.
    pub clusters: usize,
    /// True area in square kilometres of each class in all districts.
    pub areas: Vec<(LandUse, f64)>,
}

/// CRS of the scenes: UTM zones 47 and 48, north.
const SCENE_CRS: [&str; 2] = ["EPSG:32647", "EPSG:32648"];
const SCENE_FILES: [&str; 2] = ["scene_west.tif", "scene_east.tif"];
/// CRS of the truth raster, and of the prediction in the recipes.
const MAP_CRS: &str = "EPSG:32648";
const LONLAT: &str = "EPSG:4326";

/// Generates a landscape into a staged folder: scenes, districts, labels, survey clusters, truth, recipes.
///
/// # Errors
/// When a file cannot be written or the job was interrupted; the staged folder is then left uncommitted.
pub fn generate(settings: &DemoSettings, out: &StagedDir, job: &Job<'_>) -> Result<DemoSummary, DemoError> {
    let world = World::new(Dimensions::of(settings.size), settings.seed);
    let (map, lonlat) = (crs_from_text(MAP_CRS)?, crs_from_text(LONLAT)?);
    for (index, name) in SCENE_FILES.iter().enumerate() {
        write_scene(&world, index, &out.file(name), job)?;
    }
    let districts = districts(&world);
    write_districts(&districts, &lonlat, &out.file("districts.gpkg"))?;
    let label_counts = write_labels(&world, &lonlat, &out.file("labels.gpkg"))?;
    job.check()?;

    let task = job.task("truth", None, Unit::Rows);
    let truth = Truth::new(&world, &map, &lonlat, &districts)?;
    write_truth(&truth, &out.file("truth.tif"), job, task.as_ref())?;
    tables::write_areas(&out.file("truth.csv"), &districts, &truth.areas)?;

    let inhabitants = Inhabitants::new(&world, lonlat.clone());
    let float = |name, values: &[f32]| write_cells(&inhabitants.grid, name, values, &out.file(&format!("{name}.tif")));
    float("population", &inhabitants.population)?;
    float("wealth", &inhabitants.wealth)?;
    tables::write_wealth(&out.file("truth_wealth.csv"), &districts, &inhabitants)?;
    let clusters = write_clusters(&world, &inhabitants, &lonlat, &out.file("clusters.gpkg"))?;
    drop(task);

    recipes::write(settings, &world.dimensions, &truth.grid, out)?;
    let total = |k: usize| truth.areas.iter().map(|a| a[k]).sum::<f64>() / 1e6;
    Ok(DemoSummary {
        files: files_in(out.path())?,
        districts: districts.len(),
        labels: label_counts,
        clusters,
        areas: LandUse::ALL.iter().enumerate().map(|(k, u)| (*u, total(k))).collect(),
    })
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(FileError::io("read", folder))? {
        files.push(PathBuf::from(entry.map_err(FileError::io("read", folder))?.file_name()));
    }
    files.sort();
    Ok(files)
}

/// The pixel grid of a scene: its own UTM zone, corners on multiples of the pixel size.
fn scene_grid(dimensions: &Dimensions, index: usize) -> Result<PixelGrid, DemoError> {
    let crs = crs_from_text(SCENE_CRS[index % 2])?;
    let mut corner = [plane::to_lonlat([dimensions.scene_west[index % 2], dimensions.scene_north])];
    Projection::new(&crs_from_text(LONLAT)?, &crs)?.apply(&mut corner)?;
    let origin = corner[0].map(|v| (v / PIXEL).round() * PIXEL);
    let transform = Affine::north_up(origin, [PIXEL, PIXEL]);
    Ok(PixelGrid { crs, transform, height: dimensions.scene_pixels, width: dimensions.scene_pixels })
}

fn plain_band(description: &str) -> CogBand {
    CogBand { description: description.to_owned(), legend: Vec::new() }
}

fn write_scene(world: &World, index: usize, path: &Path, job: &Job<'_>) -> Result<(), DemoError> {
    let grid = scene_grid(&world.dimensions, index)?;
    let positions = PlanePositions::new(&grid, &Projection::to_lonlat(&grid.crs)?)?;
    let acquisition = Acquisition::new(world, index);
    let spec = CogSpec {
        pixel_type: PixelType::U16,
        nodata: Some(f64::from(NODATA)),
        bands: BAND_NAMES.iter().chain(&["cloud"]).map(|b| plain_band(b)).collect(),
        metadata: vec![("AREA_OR_POINT".to_owned(), "Area".to_owned())],
        overview_resampling: Resampling::Nearest,
    };
    let mut writer = CogWriter::create(path, &grid, &spec)?;
    let task = job.task(SCENE_FILES[index % 2], Some(grid.height as u64), Unit::Rows);
    strips(grid.height, job, task.as_ref(), |rows| {
        let window = Window::new(rows.start, 0, rows.len(), grid.width);
        let values = acquisition.rows(world, &grid, &positions, rows);
        for (band, plane) in values.chunks_exact(window.len()).enumerate().take(BANDS + 1) {
            writer.write(band, &window, &Pixels::U16(plane.to_vec()))?;
        }
        Ok(())
    })?;
    writer.finish()?;
    Ok(())
}

/// Runs `work` over strips of rows.
fn strips(
    height: usize,
    job: &Job<'_>,
    task: &dyn Task,
    mut work: impl FnMut(std::ops::Range<usize>) -> Result<(), DemoError>,
) -> Result<(), DemoError> {
    for first in (0..height).step_by(STRIP) {
        job.check().map_err(|e: Interrupted| DemoError::from(e))?;
        let rows = first..(first + STRIP).min(height);
        let done = rows.len() as u64;
        work(rows)?;
        task.advance(done);
    }
    Ok(())
}

fn field(name: &str, kind: FieldKind) -> Field {
    Field { name: name.to_owned(), kind }
}

/// A layer in longitude and latitude from geometries and their values.
fn layer(name: &str, crs: &Crs, fields: Vec<Field>, rows: Vec<(Geometry<f64>, Vec<FieldValue>)>) -> VectorLayer {
    let features = rows
        .into_iter()
        .enumerate()
        .map(|(k, (geometry, values))| Feature { fid: k as i64 + 1, geometry: Some(geometry), values })
        .collect();
    VectorLayer { name: name.to_owned(), crs: Some(crs.clone()), fields, features }
}

fn write_districts(districts: &[District], lonlat: &Crs, path: &Path) -> Result<(), DemoError> {
    let text = |s: &str| FieldValue::Text(s.to_owned());
    let rows = districts
        .iter()
        .map(|d| (Geometry::MultiPolygon(d.ground.clone()), vec![text(&d.id), text(d.name), text(d.state)]))
        .collect();
    let fields = ["district_id", "district_name", "state"].map(|n| field(n, FieldKind::Text)).into();
    Ok(write_layer(path, &layer("districts", lonlat, fields, rows))?)
}

fn write_labels(world: &World, lonlat: &Crs, path: &Path) -> Result<Vec<(LandUse, usize)>, DemoError> {
    let list = labels(world);
    let counts = LandUse::ALL.map(|u| (u, list.iter().filter(|l| l.land_use == u).count())).into();
    let rows = list
        .into_iter()
        .enumerate()
        .map(|(k, l)| {
            let values = vec![FieldValue::Integer(k as i64 + 1), FieldValue::Text(l.land_use.name().to_owned())];
            (Geometry::Polygon(l.outline), values)
        })
        .collect();
    let fields = vec![field("label_id", FieldKind::Integer), field("class", FieldKind::Text)];
    write_layer(path, &layer("labels", lonlat, fields, rows))?;
    Ok(counts)
}

fn write_clusters(world: &World, inhabitants: &Inhabitants, lonlat: &Crs, path: &Path) -> Result<usize, DemoError> {
    let clusters = inhabitants.survey(world, world.dimensions.clusters);
    let count = clusters.len();
    let rows = clusters
        .into_iter()
        .enumerate()
        .map(|(k, c)| {
            let wealth = FieldValue::Real((c.wealth * 100.0).round() / 100.0);
            let values = vec![FieldValue::Integer(k as i64 + 1), wealth, FieldValue::Integer(c.households)];
            (Geometry::Point(GeoPoint::new(c.position[0], c.position[1])), values)
        })
        .collect();
    let fields = vec![
        field("cluster_id", FieldKind::Integer),
        field("wealth", FieldKind::Real),
        field("households", FieldKind::Integer),
    ];
    write_layer(path, &layer("clusters", lonlat, fields, rows))?;
    Ok(count)
}

fn write_truth(truth: &Truth, path: &Path, job: &Job<'_>, task: &dyn Task) -> Result<(), DemoError> {
    let legend: Vec<Class> = LandUse::ALL.iter().map(|u| u.class()).collect();
    let spec = CogSpec {
        pixel_type: PixelType::U8,
        nodata: Some(255.0),
        bands: vec![CogBand { description: "class".to_owned(), legend }],
        metadata: Vec::new(),
        overview_resampling: Resampling::Nearest,
    };
    let mut writer = CogWriter::create(path, &truth.grid, &spec)?;
    let width = truth.grid.width;
    strips(truth.grid.height, job, task, |rows| {
        let window = Window::new(rows.start, 0, rows.len(), width);
        let values = truth.classes[rows.start * width..rows.end * width].to_vec();
        Ok(writer.write(0, &window, &Pixels::U8(values))?)
    })?;
    writer.finish()?;
    Ok(())
}

fn write_cells(grid: &PixelGrid, name: &str, values: &[f32], path: &Path) -> Result<(), DemoError> {
    let spec = CogSpec {
        pixel_type: PixelType::F32,
        nodata: Some(f64::NAN),
        bands: vec![plain_band(name)],
        metadata: Vec::new(),
        overview_resampling: Resampling::Average,
    };
    let mut writer = CogWriter::create(path, grid, &spec)?;
    writer.write(0, &grid.window(), &Pixels::F32(values.to_vec()))?;
    writer.finish()?;
    Ok(())
}

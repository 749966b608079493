//! Which patches there are to be, before a pixel is read.

use std::collections::{BTreeMap, BTreeSet};

use areal_grid::{PatchLayout, PixelGrid};
use areal_job::Job;
use areal_raster::{Projection, Scene, same_crs};
use geo::{BoundingRect, Geometry, InteriorPoint, MapCoords};

use crate::labels::measure::{Found, Labelling, Origin};
use crate::labels::polygons::{Disputes, PolygonRows, inside};
use crate::labels::raster_rows::RasterRows;
use crate::labels::runs::LabelRows;
use crate::labels::source::{Labels, Shapes};
use crate::proposal::{Proposal, width};
use crate::{PatchError, PatchPlacement, TileSettings};
use areal_formats::{DropReason, counted};
use areal_tables::warn_of_unused_rules;

/// A labelled patch whose pixels are still to be looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub scene: usize,
    pub row: usize,
    pub col: usize,
    pub found: Found,
}

/// The candidates of all scenes, by scene, row and column, and why others are none.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    pub planned: u64,
    pub list: Vec<Candidate>,
    pub dropped: BTreeMap<DropReason, u64>,
    /// Items that lie in a scene.
    pub seen: Vec<bool>,
    /// Codes in label rasters.
    codes: BTreeSet<i64>,
    disputes: Disputes,
    /// Of the polygons in the scenes, pixels.
    widths: Vec<f64>,
}

impl Candidates {
    pub fn new(scenes: &[Scene], labels: &Labels, settings: &TileSettings, job: &Job) -> Result<Self, PatchError> {
        let mut candidates = Self { seen: vec![false; labels.items.len()], ..Self::default() };
        for (number, scene) in scenes.iter().enumerate() {
            job.check()?;
            candidates.scene(number, scene, labels, settings, job)?;
        }
        if !candidates.seen.contains(&true) {
            return Err(outside(scenes, labels, settings)?);
        }
        candidates.warn(labels, settings);
        candidates.warn_of_size(settings);
        Ok(candidates)
    }

    pub fn drop(&mut self, reason: DropReason) {
        *self.dropped.entry(reason).or_default() += 1;
    }

    fn scene(
        &mut self,
        number: usize,
        scene: &Scene,
        labels: &Labels,
        settings: &TileSettings,
        job: &Job,
    ) -> Result<(), PatchError> {
        let (grid, by_item) = (scene.grid(), labels.by_item());
        let measure = Labelling {
            size: settings.patch_size,
            height: grid.height,
            rule: settings.rule,
            min_fraction: settings.min_label_fraction,
            labels: &by_item,
        };
        let cut = Cut { number, settings, job };
        match &labels.shapes {
            Shapes::Raster => {
                let mut rows = RasterRows::open(&settings.labels, scene, &labels.legend)?;
                if !rows.is_apart() {
                    self.seen.fill(true);
                }
                self.measure(&cut, measure, &mut rows, grid_origins(grid, settings)?)?;
                self.codes.append(&mut rows.seen);
                Ok(())
            }
            Shapes::Polygons(crs, polygons) => {
                let shapes = Shape::all(polygons, crs, grid)?;
                for shape in &shapes {
                    self.seen[shape.item as usize] = true;
                }
                self.widths.extend(shapes.iter().map(|shape| width(&shape.pixels)));
                let polygons = shapes.iter().map(|shape| (shape.item, &shape.pixels));
                let mut rows = PolygonRows::new(polygons, &by_item, grid.height, grid.width);
                match settings.placement {
                    PatchPlacement::Grid => self.measure(&cut, measure, &mut rows, grid_origins(grid, settings)?)?,
                    PatchPlacement::Polygon => {
                        let origins = self.polygon_origins(&shapes, grid, settings);
                        self.measure(&cut, measure, &mut rows, origins.into_iter())?;
                    }
                }
                rows.disputes().iter().for_each(|(pair, n)| *self.disputes.entry(*pair).or_default() += n);
                Ok(())
            }
            Shapes::Points(crs, points) => {
                self.points(&cut, points, Shape::transform(crs, grid)?.as_ref(), grid);
                Ok(())
            }
        }
    }

    fn measure(
        &mut self,
        cut: &Cut,
        measure: Labelling,
        rows: &mut dyn LabelRows,
        origins: impl Iterator<Item = Origin>,
    ) -> Result<(), PatchError> {
        measure.run(rows, origins, |Origin { row, col, .. }, found| {
            self.planned += 1;
            match found {
                Ok(found) => self.list.push(Candidate { scene: cut.number, row, col, found }),
                Err(reason) => self.drop(reason),
            }
            if self.planned.is_multiple_of(4096) {
                cut.job.check()?;
            }
            Ok(())
        })
    }

    /// A patch centred on each point that lies in the scene, by row and column.
    fn points(&mut self, cut: &Cut, points: &[[f64; 2]], projection: Option<&Projection>, grid: &PixelGrid) {
        let mut placed = points.to_vec();
        if let Some(projection) = projection {
            // A point that has no place in this CRS is left at NaN, and so lies outside.
            projection.apply_each(&mut placed, |_, _, _| {});
        }
        let start = self.list.len();
        for (item, point) in (0u32..).zip(placed) {
            let Some((row, col)) = grid.transform.invert(point) else { continue };
            if !(row >= 0.0 && col >= 0.0 && row < grid.height as f64 && col < grid.width as f64) {
                continue;
            }
            self.planned += 1;
            self.seen[item as usize] = true;
            match centred(row, col, cut.settings.patch_size, grid) {
                Some((row, col)) => {
                    let found = Found { item, fraction: 1.0 };
                    self.list.push(Candidate { scene: cut.number, row, col, found });
                }
                None => self.drop(DropReason::OutsideScene),
            }
        }
        self.list[start..].sort_by_key(|c| (c.row, c.col, c.found.item));
    }

    /// Patches centred inside polygons, see [`PatchPlacement::Polygon`].
    fn polygon_origins(&mut self, shapes: &[Shape], grid: &PixelGrid, settings: &TileSettings) -> Vec<Origin> {
        let mut origins = Vec::new();
        for shape in shapes {
            for (row, col) in lattice(&shape.pixels, settings.stride as f64) {
                if !(row >= 0.0 && col >= 0.0 && row < grid.height as f64 && col < grid.width as f64) {
                    continue;
                }
                if let Some((row, col)) = centred(row, col, settings.patch_size, grid) {
                    origins.push(Origin { row, col, item: Some(shape.item) });
                } else {
                    self.planned += 1;
                    self.drop(DropReason::OutsideScene);
                }
            }
        }
        origins.sort();
        origins
    }

    fn warn(&self, labels: &Labels, settings: &TileSettings) {
        let path = settings.labels.file.display();
        let outside = self.seen.iter().filter(|seen| !**seen).count();
        if outside > 0 && !matches!(labels.shapes, Shapes::Raster) {
            let (all, verb) = (counted(self.seen.len(), "label"), if outside == 1 { "is" } else { "are" });
            tracing::warn!("{path}: {outside} of {all} {verb} outside every scene");
        }
        if matches!(labels.shapes, Shapes::Raster) {
            warn_of_unused_rules(&path.to_string(), "label", &labels.legend.recoding.rules, &self.codes);
        }
        if let Some(((a, b), _)) = self.disputes.first_key_value() {
            let group = |item: &u32| labels.items[*item as usize].group.clone().unwrap_or_default();
            let pixels: u64 = self.disputes.values().sum();
            tracing::warn!(
                "{path}: {} with different classes that overlap, first {} and {}; {} covered by both {} for neither",
                counted(self.disputes.len(), "pair") + " of polygons",
                group(a),
                group(b),
                counted(pixels, "pixel"),
                if pixels == 1 { "counts" } else { "count" }
            );
        }
    }

    /// Says when most polygons are too small for the patches of the grid.
    fn warn_of_size(&mut self, settings: &TileSettings) {
        let Some(proposal) = Proposal::of(std::mem::take(&mut self.widths)) else { return };
        if settings.placement == PatchPlacement::Grid && proposal.median_width < settings.patch_size as f64 {
            tracing::warn!(
                "{}: half of the {} polygons are narrower than {:.0} pixels, and patches have {}: their classes may be lost; \
                 {proposal} would suit them",
                settings.labels.file.display(),
                proposal.polygons,
                proposal.median_width,
                settings.patch_size
            );
        }
    }
}

/// The scene that is being planned.
struct Cut<'a> {
    number: usize,
    settings: &'a TileSettings,
    job: &'a Job<'a>,
}

/// A polygon in pixel positions of a scene: x along columns, y along rows.
pub(crate) struct Shape {
    item: u32,
    pub pixels: Geometry<f64>,
}

impl Shape {
    fn transform(from: &areal_grid::Crs, grid: &PixelGrid) -> Result<Option<Projection>, PatchError> {
        if same_crs(from, &grid.crs) { Ok(None) } else { Ok(Some(Projection::new(from, &grid.crs)?)) }
    }

    /// The polygons that reach into the scene.
    pub fn all(polygons: &[Geometry<f64>], crs: &areal_grid::Crs, grid: &PixelGrid) -> Result<Vec<Self>, PatchError> {
        let projection = Self::transform(crs, grid)?;
        let mut shapes = Vec::new();
        for (item, polygon) in (0u32..).zip(polygons) {
            let projected = match &projection {
                // A polygon that has no place in this CRS is not in the scene.
                Some(projection) => match projection.apply_geometry(polygon) {
                    Ok(projected) => projected,
                    Err(_) => continue,
                },
                None => polygon.clone(),
            };
            let pixels = projected.map_coords(|c| {
                let (row, col) = grid.transform.invert([c.x, c.y]).unwrap_or((f64::NAN, f64::NAN));
                geo::Coord { x: col, y: row }
            });
            let reaches = pixels.bounding_rect().is_some_and(|b| {
                b.max().x > 0.0 && b.max().y > 0.0 && b.min().x < grid.width as f64 && b.min().y < grid.height as f64
            });
            if reaches {
                shapes.push(Self { item, pixels });
            }
        }
        Ok(shapes)
    }
}

/// Patches on the grid of the prediction, row by row; the last ones may reach past the scene.
fn grid_origins(grid: &PixelGrid, settings: &TileSettings) -> Result<impl Iterator<Item = Origin> + use<>, PatchError> {
    let layout = PatchLayout::new(grid.height, grid.width, settings.patch_size, settings.stride)?;
    Ok(layout.iter().map(move |(i, j)| {
        let window = layout.window(i, j);
        Origin { row: window.row, col: window.col, item: None }
    }))
}

/// First row and column of the patch centred on a position; `None` when it would leave the scene.
fn centred(row: f64, col: f64, size: usize, grid: &PixelGrid) -> Option<(usize, usize)> {
    let first = |position: f64| (position - size as f64 / 2.0).round();
    let (row, col) = (first(row), first(col));
    let fits = row >= 0.0 && col >= 0.0;
    let (row, col) = (row as usize, col as usize);
    (fits && row + size <= grid.height && col + size <= grid.width).then_some((row, col))
}

/// Positions `(row, col)` inside a polygon, `step` apart each way, one of them a point well inside it.
fn lattice(polygon: &Geometry<f64>, step: f64) -> Vec<(f64, f64)> {
    let (Some(start), Some(bounds)) = (polygon.interior_point(), polygon.bounding_rect()) else { return Vec::new() };
    let mut positions = Vec::new();
    let first = -((start.y() - bounds.min().y) / step).floor() as i64;
    let last = ((bounds.max().y - start.y()) / step).floor() as i64;
    for i in first..=last {
        let y = start.y() + i as f64 * step;
        for [from, to] in inside(polygon, y) {
            let first = ((from - start.x()) / step).ceil() as i64;
            let last = ((to - start.x()) / step).floor() as i64;
            positions.extend((first..=last).map(|j| (y, start.x() + j as f64 * step)));
        }
    }
    positions
}

/// The error that says how far apart labels and scenes are, in longitude and latitude.
fn outside(scenes: &[Scene], labels: &Labels, settings: &TileSettings) -> Result<PatchError, PatchError> {
    let (crs, bounds) = match &labels.shapes {
        Shapes::Polygons(crs, polygons) => (crs.clone(), polygons.iter().filter_map(rectangle).collect()),
        Shapes::Points(crs, points) => (crs.clone(), points.iter().map(|[x, y]| [*x, *y, *x, *y]).collect()),
        Shapes::Raster => {
            let raster = areal_raster::RasterFile::open(&settings.labels.file)?;
            (raster.grid().crs.clone(), vec![raster.grid().bounds()])
        }
    };
    let mut extent = Extent::default();
    extent.add(&crs, &bounds)?;
    let mut reach = Extent::default();
    for scene in scenes {
        reach.add(&scene.grid().crs, &[scene.grid().bounds()])?;
    }
    Ok(PatchError::LabelsOutside {
        path: settings.labels.file.clone(),
        labels: extent.to_string(),
        scenes: reach.to_string(),
    })
}

fn rectangle(geometry: &Geometry<f64>) -> Option<[f64; 4]> {
    geometry.bounding_rect().map(|b| [b.min().x, b.min().y, b.max().x, b.max().y])
}

/// An extent in longitude and latitude.
struct Extent([f64; 4]);

impl Default for Extent {
    fn default() -> Self {
        Self([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY])
    }
}

impl Extent {
    fn add(&mut self, crs: &areal_grid::Crs, bounds: &[[f64; 4]]) -> Result<(), PatchError> {
        let mut corners: Vec<[f64; 2]> = bounds.iter().flat_map(|b| [[b[0], b[1]], [b[2], b[3]]]).collect();
        Projection::to_lonlat(crs)?.apply_each(&mut corners, |_, _, _| {});
        for [x, y] in corners.into_iter().filter(|c| c[0].is_finite() && c[1].is_finite()) {
            let b = &mut self.0;
            *b = [b[0].min(x), b[1].min(y), b[2].max(x), b[3].max(y)];
        }
        Ok(())
    }
}

impl std::fmt::Display for Extent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [west, south, east, north] = self.0;
        write!(f, "{west:.4}, {south:.4}, {east:.4}, {north:.4}")
    }
}

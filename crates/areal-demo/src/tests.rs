//! A small landscape as it stands on disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use crate::{DemoSettings, DemoSize, DemoSummary, LandUse, generate};
use areal_grid::{PixelState, Pixels, Window};
use areal_job::{Interrupt, Job, NoProgress, StagedDir, hash_file};
use areal_raster::{FieldValue, Projection, RasterFile, VectorLayer, read_layer};
use geo::{BooleanOps, Geometry, MultiPolygon, Validation};
use geographiclib_rs::{Geodesic, PolygonArea, Winding};

fn make(seed: u64) -> (StagedDir, tempfile::TempDir, DemoSummary) {
    let root = tempfile::tempdir().unwrap();
    let folder = StagedDir::new(&root.path().join("demo"), false).unwrap();
    let job = Job { progress: &NoProgress, interrupt: &Interrupt::default() };
    let summary = generate(&DemoSettings { size: DemoSize::Small, seed }, &folder, &job).unwrap();
    (folder, root, summary)
}

static DEMO: LazyLock<(StagedDir, tempfile::TempDir, DemoSummary)> = LazyLock::new(|| make(1));

fn file(name: &str) -> std::path::PathBuf {
    DEMO.0.file(name)
}

fn ground(layer: &VectorLayer) -> Vec<MultiPolygon<f64>> {
    let polygons = |g: &Option<Geometry<f64>>| match g {
        Some(Geometry::MultiPolygon(m)) => m.clone(),
        Some(Geometry::Polygon(p)) => MultiPolygon(vec![p.clone()]),
        other => panic!("no polygon: {other:?}"),
    };
    layer.features.iter().map(|f| polygons(&f.geometry)).collect()
}

/// Area on the ellipsoid in square kilometres (Karney 2013).
fn geodesic_km2(ground: &MultiPolygon<f64>) -> f64 {
    let geodesic = Geodesic::wgs84();
    let ring = |line: &geo::LineString<f64>| {
        let mut sum = PolygonArea::new(&geodesic, Winding::CounterClockwise);
        line.coords().take(line.0.len() - 1).for_each(|c| sum.add_point(c.y, c.x));
        sum.compute(true).1.abs()
    };
    let part = |p: &geo::Polygon<f64>| ring(p.exterior()) - p.interiors().iter().map(ring).sum::<f64>();
    ground.iter().map(part).sum::<f64>() / 1e6
}

fn truth(path: &Path) -> BTreeMap<String, BTreeMap<String, f64>> {
    let mut table: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for record in csv::Reader::from_path(path).unwrap().records() {
        let record = record.unwrap();
        table.entry(record[0].into()).or_default().insert(record[3].into(), record[4].parse().unwrap());
    }
    table
}

#[test]
fn the_same_seed_gives_the_same_landscape_and_another_seed_another() {
    let (again, other) = (make(1), make(2));
    for name in ["scene_west.tif", "scene_east.tif", "truth.tif", "population.tif", "truth.csv", "recipe.toml"] {
        assert_eq!(hash_file(&file(name)).unwrap(), hash_file(&again.0.file(name)).unwrap(), "{name}");
        assert_ne!(hash_file(&file(name)).unwrap(), hash_file(&other.0.file(name)).unwrap(), "{name}");
    }
    for name in ["districts.gpkg", "labels.gpkg", "clusters.gpkg"] {
        assert_eq!(read_layer(&file(name), None).unwrap(), read_layer(&again.0.file(name), None).unwrap(), "{name}");
    }
}

#[test]
fn nothing_but_outputs_is_left_in_the_folder() {
    let hidden = DEMO.2.files.iter().find(|f| f.to_string_lossy().starts_with('.'));
    assert_eq!(hidden, None);
}

#[test]
fn true_areas_add_up_to_the_districts() {
    let districts = ground(&read_layer(&file("districts.gpkg"), None).unwrap());
    let table = truth(&file("truth.csv"));
    assert_eq!((districts.len(), table.len()), (16, 16));
    for (ground, (id, classes)) in districts.iter().zip(&table) {
        let (counted, exact) = (classes.values().sum::<f64>(), geodesic_km2(ground));
        // Pixels on the border count by their centre: some thousand pixels of 1e-4 km2, half of them wrong by half.
        assert!((counted - exact).abs() < 0.01, "{id}: {counted} km2 counted, {exact} km2 exact");
    }
}

#[test]
fn every_class_is_there_and_rubber_is_rare() {
    for seed in [1, 2] {
        let made = if seed == 1 { None } else { Some(make(seed)) };
        let summary = made.as_ref().map_or(&DEMO.2, |m| &m.2);
        let all: f64 = summary.areas.iter().map(|(_, a)| a).sum();
        for ((land_use, area), (_, labels)) in summary.areas.iter().zip(&summary.labels) {
            let share = area / all;
            let range = match land_use {
                LandUse::Rubber => 0.015..0.08,
                LandUse::Forest | LandUse::OilPalm => 0.2..0.6,
                _ => 0.015..0.25,
            };
            assert!(range.contains(&share), "seed {seed}, {}: {share}", land_use.name());
            assert!(*labels >= 3, "seed {seed}, {}: {labels} labels", land_use.name());
        }
    }
}

#[test]
fn districts_have_holes_islands_and_shared_borders_and_do_not_overlap() {
    let districts = ground(&read_layer(&file("districts.gpkg"), None).unwrap());
    assert!(districts.iter().all(Validation::is_valid));
    let holes = districts.iter().flatten().filter(|p| !p.interiors().is_empty()).count();
    assert_eq!(holes, 3);
    assert_eq!(districts.iter().filter(|d| d.0.len() > 1).count(), 2);
    let union = districts.iter().fold(MultiPolygon(Vec::new()), |sum, d| sum.union(d));
    let parts: f64 = districts.iter().map(geodesic_km2).sum();
    assert!((geodesic_km2(&union) - parts).abs() < 1e-4, "{} {parts}", geodesic_km2(&union));
    // The only ground inside the outline that no district holds is the reservoir; what the union leaves of borders that
    // meet exactly is below a square metre.
    let hole = |ring: &geo::LineString<f64>| geodesic_km2(&MultiPolygon(vec![geo::Polygon::new(ring.clone(), vec![])]));
    let left: Vec<f64> = union.iter().flat_map(|p| p.interiors().iter().map(hole)).filter(|a| *a > 1e-6).collect();
    assert!(left.len() == 1 && left[0] > 0.2, "{left:?}");
}

#[test]
fn the_scenes_show_the_same_ground_where_they_overlap() {
    let mut west = RasterFile::open(&file("scene_west.tif")).unwrap();
    let mut east = RasterFile::open(&file("scene_east.tif")).unwrap();
    assert_ne!(west.grid().crs.name, east.grid().crs.name);
    let descriptions: Vec<&str> = west.bands().iter().map(|b| b.description.as_str()).collect();
    assert_eq!(descriptions, ["blue", "green", "red", "nir", "swir", "cloud"]);
    let read = |raster: &mut RasterFile, band| match raster.read_band(band, &raster.grid().window()).unwrap() {
        (Pixels::U16(values), states) => (values, states),
        _ => panic!("not u16"),
    };
    let [(wn, _), (en, _)] = [read(&mut west, 4), read(&mut east, 4)];
    let [(wc, ws), (ec, es)] = [read(&mut west, 6), read(&mut east, 6)];
    for (states, cloud) in [(&ws, &wc), (&es, &ec)] {
        assert!(states.contains(&PixelState::Nodata), "no collar");
        assert!(cloud.contains(&2) && cloud.contains(&3), "no cloud or shadow");
    }
    let projection = Projection::new(&west.grid().crs, &east.grid().crs).unwrap();
    let width = west.grid().width;
    let mut pairs = Vec::new();
    for k in (0..wn.len()).step_by(7).filter(|k| wc[*k] == 1) {
        let mut at = [west.grid().centre(k / width, k % width)];
        projection.apply(&mut at).unwrap();
        // Only pixels that nearly coincide: neighbours differ by the texture.
        let (row, col) = east.grid().transform.invert(at[0]).unwrap();
        let near = (row.fract() - 0.5).abs() < 0.15 && (col.fract() - 0.5).abs() < 0.15;
        if let Some((r, c)) = east.grid().pixel_at(at[0]).filter(|_| near) {
            let m = r * east.grid().width + c;
            if ec[m] == 1 {
                pairs.push((f64::from(wn[k]), f64::from(en[m])));
            }
        }
    }
    assert!(pairs.len() > 300, "{} pairs", pairs.len());
    assert!(correlation(&pairs) > 0.95, "{}", correlation(&pairs));
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (mx, my) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(x, y)| f(x - mx, y - my)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

#[test]
fn labels_name_what_the_truth_holds_there() {
    let labels = read_layer(&file("labels.gpkg"), None).unwrap();
    let mut map = RasterFile::open(&file("truth.tif")).unwrap();
    let Pixels::U8(codes) = map.read_band(1, &map.grid().window()).unwrap().0 else { panic!("not u8") };
    let projection = Projection::new(labels.crs.as_ref().unwrap(), &map.grid().crs).unwrap();
    let (mut right, mut all) = (0, 0);
    for (feature, ground) in labels.features.iter().zip(ground(&labels)) {
        let FieldValue::Text(name) = &feature.values[1] else { panic!("no class") };
        let code = LandUse::ALL.iter().find(|u| u.name() == name).unwrap().code();
        let corners: Vec<[f64; 2]> = ground.0[0].exterior().coords().map(|c| [c.x, c.y]).collect();
        let n = corners.len() as f64;
        let middle = [0, 1].map(|k| corners.iter().map(|c| c[k]).sum::<f64>() / n);
        // Half way from the middle to each corner lies inside a star-shaped outline.
        let mut inner: Vec<[f64; 2]> = corners.iter().map(|c| [0, 1].map(|k| f64::midpoint(c[k], middle[k]))).collect();
        projection.apply(&mut inner).unwrap();
        for (row, col) in inner.iter().filter_map(|p| map.grid().pixel_at(*p)) {
            all += 1;
            right += usize::from(codes[row * map.grid().width + col] == code);
        }
    }
    // The reservoir's islands and a bent stretch of river are the exceptions.
    assert!(f64::from(u32::try_from(right).unwrap()) > 0.97 * all as f64, "{right} of {all}");
}

#[test]
fn wealth_follows_what_is_built_and_clusters_lie_where_people_live() {
    let mut people = RasterFile::open(&file("population.tif")).unwrap();
    let mut index = RasterFile::open(&file("wealth.tif")).unwrap();
    let clusters = read_layer(&file("clusters.gpkg"), None).unwrap();
    assert_eq!(clusters.features.len(), 120);
    let mut pairs = Vec::new();
    for feature in &clusters.features {
        let (Some(Geometry::Point(p)), FieldValue::Real(wealth)) = (&feature.geometry, &feature.values[1]) else {
            panic!("no cluster")
        };
        let (row, col) = index.grid().pixel_at([p.x(), p.y()]).unwrap();
        let window = Window::new(row, col, 1, 1);
        assert!(people.read_band(1, &window).unwrap().0.get(0) > 0.0);
        pairs.push((index.read_band(1, &window).unwrap().0.get(0), *wealth));
    }
    // The survey's error: 18 / sqrt(12 to 31) = 3.2 to 5.2 on an index that spreads three times as far.
    assert!(correlation(&pairs) > 0.8, "{}", correlation(&pairs));
    let error = pairs.iter().map(|(a, b)| (a - b).powi(2)).sum::<f64>() / pairs.len() as f64;
    assert!((2.5..6.0).contains(&error.sqrt()), "{}", error.sqrt());
}

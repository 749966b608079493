//! Input that is damaged, empty or not what it seems: a clear word, and nothing left half made.

use std::path::Path;

use areal_formats::SceneSettings;
use areal_grid::{PixelState, Pixels};
use areal_raster::{Prediction, RasterFile, Scene};
use gdal::raster::RasterCreationOptions;
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use geo::{Geometry, MultiPolygon, polygon};

use crate::common::model_bundle::{classes, spec_for, write};
use crate::common::place::{Place, halves, rectangle, text, utm};
use crate::common::{areal, data, labelled, number, rows};

fn scene(path: &Path) -> Scene {
    Scene::open(&SceneSettings::new("scene", vec![path.to_path_buf()])).unwrap()
}

/// Tiles a scene of the size of `halves` with its labels.
fn tile(place: &Place, scenes: &[&str], labels: &Path, out: &str) -> crate::common::ProgramRun {
    place.tile(out, &labelled(scenes, labels, "--patch-size 8 --min-valid 0.5"))
}

#[test]
fn numbers_that_are_none_are_no_data() {
    let place = Place::new();
    let (_, labels) = halves(&place);
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let mut values: Vec<f32> = (0..2400u16).map(|k| f32::from(k) / 100.0).collect();
    let holes = [0, 5 * 60 + 5, 10 * 60 + 10, 20 * 60 + 40, 39 * 60 + 50];
    for (hole, value) in holes.into_iter().zip([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN, -1.0]) {
        values[hole] = value;
    }
    let file = place.raster("scene.tif", &grid, Pixels::F32(values), -1.0);

    tile(&place, &[text(&file)], &labels, "store").expect(0);
    let store = areal_store::PatchStore::open(&place.path("store")).unwrap();
    let states: ndarray::Array3<u8> = ndarray_npy::read_npy(place.path("store/states.npy")).unwrap();
    let mut found = Vec::new();
    for ((patch, r, c), state) in states.indexed_iter() {
        let record = &store.records()[patch];
        if *state == PixelState::Nodata as u8 {
            found.push((record.row as usize + r) * 60 + record.col as usize + c);
        }
    }
    found.sort_unstable();
    assert_eq!(found, holes);
    let bundle = place.path("trained");
    areal(["train", "--store", text(&place.path("store")), "--out", text(&bundle), "--epochs", "1"]).expect(0);

    write(&place.path("bundle"), spec_for(&scene(&file), classes(), 8));
    let out = place.path("out");
    let run = areal(["predict", text(&file), "--bundle", text(&bundle), "--out", text(&out), "--json"]).expect(0);
    assert_eq!(run.json()["pixels"]["nodata"], 5);
    assert_eq!(run.json()["counts"]["predicted"], 40);
    let prediction = Prediction::open(&out).unwrap();
    let mut map = RasterFile::open(&prediction.probabilities_path().unwrap()).unwrap();
    let window = map.grid().window();
    assert!((0..40).all(|cell| map.read_band(1, &window).unwrap().0.get(cell).is_finite()));
}

#[test]
fn a_value_that_stands_for_no_data_and_is_not_declared_is_named() {
    let place = Place::new();
    let (_, labels) = halves(&place);
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let mut values: Vec<f32> = (0..2400u16).map(|k| f32::from(k) / 100.0).collect();
    values[777] = -3.4e38;
    let file = place.raster("scene.tif", &grid, Pixels::F32(values), -1.0);
    let said = ["band 1 holds -3.39999", "in 1 pixel, far from all other values", "--nodata=-3.39999"];
    areal(["inspect", text(&file)]).expect(0).says(&said);
    tile(&place, &[text(&file), "--split", "0.7,0.3,0"], &labels, "store").expect(0);
    let (store, bundle) = (place.path("store"), place.path("bundle"));
    let run = areal(["train", "--store", text(&store), "--out", text(&bundle), "--epochs", "1"]).expect(0);
    let flag = run.stderr.split("--nodata=").nth(1).map(|t| format!("--nodata={}", t.split(' ').next().unwrap()));
    // The advice, followed.
    let flag = flag.unwrap_or_else(|| panic!("the value is in no training patch: {}", run.stderr));
    let run = areal(["inspect", text(&file), &flag]).expect(0);
    assert!(!run.stderr.contains("far from all others"), "{}", run.stderr);
}

#[test]
fn files_that_are_cut_off_are_refused_and_leave_nothing() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 400, 400);
    let whole = place.scene("whole.tif", &grid, |r, c| ((r * 7919 + c * 104_729) % 65_521) as u16);
    let bytes = std::fs::read(whole).unwrap();
    let cut = place.path("cut.tif");
    std::fs::write(&cut, &bytes[..bytes.len() * 3 / 5]).unwrap();
    let half = |c: f64| -> Geometry<f64> { rectangle(&grid, [0.0, c, 400.0, c + 200.0]) };
    let shapes = [(half(0.0), "a", 1.0, "a"), (half(200.0), "b", 2.0, "b")];
    let labels = place.layer("labels.gpkg", &grid, &shapes);
    tile(&place, &[text(&cut)], &labels, "out").expect(3).says(&["cut.tif", "rows", "damaged or truncated"]);
    let out = place.path("out");
    let aggregate = ["aggregate", "--raster", text(&cut), "--zones", text(&labels), "--zone-id", "class"];
    areal([&aggregate[..], &["--out", text(&out)]].concat()).expect(3).says(&["cut.tif", "damaged or truncated"]);
    // Not even its first part is whole.
    std::fs::write(&cut, &bytes[..100]).unwrap();
    tile(&place, &[text(&cut)], &labels, "out").expect(3).says(&["cut.tif"]);
    areal([&aggregate[..], &["--out", text(&out)]].concat()).expect(3).says(&["cut.tif"]);
    let left: Vec<_> = std::fs::read_dir(place.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn a_map_that_is_all_nodata_has_no_observed_area() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let map = place.raster("map.tif", &grid, Pixels::U8(vec![255; 2400]), 255.0);
    let zones = place.layer("zones.gpkg", &grid, &[(rectangle(&grid, [0.0, 0.0, 40.0, 30.0]), "west", 1.0, "a")]);
    let out = place.path("areas");
    let args =
        ["aggregate", "--raster", text(&map), "--zones", text(&zones), "--zone-id", "class", "--out", text(&out)];
    areal(args).expect(0).says(&["no zone has an observed cell"]);
    let rows = rows(&out.join("areas.csv"));
    let value = |measure: &str| number(rows.iter().find(|r| r["measure"] == measure).unwrap(), "value");
    assert_eq!(value("observed_area"), 0.0);
    // 300 x 400 m, at 0.9996 of the true length.
    let unobserved = value("unobserved_area");
    assert!((unobserved - 0.12 / 0.9996f64.powi(2)).abs() < 1e-5, "{unobserved}");
}

#[test]
fn the_advice_for_files_that_are_turned_and_have_no_crs_works() {
    let warp = ["--crs", "EPSG:32648", "--resolution", "10", "--resampling", "nearest"];
    // Rows that run north need no warp.
    for (name, then, flags) in [("rotated.tif", ", then pass --crs", &warp[..]), ("float_nan.tif", "", &[])] {
        let Some(source) = data(&format!("geotiff_variants/{name}")) else { return };
        let folder = tempfile::tempdir().unwrap();
        let advised = format!("gdal_translate -a_srs EPSG:32648 {} OUT.tif{then}", source.display());
        let run = areal(["inspect", "--json", text(&source)]).expect(0).json();
        assert!(run["refusal"]["help"].as_str().unwrap().contains(&advised), "{}", run["refusal"]["help"]);
        // What gdal_translate -a_srs does: the same file with a CRS.
        let copy = folder.path().join("OUT.tif");
        std::fs::write(&copy, std::fs::read(&source).unwrap()).unwrap();
        let open_flags = GdalOpenFlags::GDAL_OF_UPDATE | GdalOpenFlags::GDAL_OF_RASTER;
        let mut dataset = Dataset::open_ex(&copy, DatasetOptions { open_flags, ..Default::default() }).unwrap();
        dataset.set_spatial_ref(&SpatialRef::from_epsg(32648).unwrap()).unwrap();
        dataset.close().unwrap();
        let document = areal([&["inspect", "--json", text(&copy)], flags].concat()).expect(0).json();
        let seen = document["scene"]["statistics"]["pixels"]["observed"].as_u64();
        assert!(seen.unwrap_or(0) > 0, "{name}: {}", document["refusal"]);
    }
}

/// The same raster whose stored values are said to mean another thing.
fn meaning(source: &Path, path: &Path, scale: f64, offset: f64) {
    let driver = gdal::DriverManager::get_driver_by_name("GTiff").unwrap();
    let copy = Dataset::open(source).unwrap().create_copy(&driver, path, &RasterCreationOptions::default()).unwrap();
    let mut band = copy.rasterband(1).unwrap();
    band.set_scale(scale).unwrap();
    band.set_offset(offset).unwrap();
    copy.close().unwrap();
}

#[test]
fn stored_values_that_mean_different_things_are_not_mixed() {
    let place = Place::new();
    let (source, labels) = halves(&place);
    let (old, new) = (place.path("old.tif"), place.path("new.tif"));
    // Sentinel-2 before and since processing baseline 04.00.
    meaning(&source, &old, 1e-4, 0.0);
    meaning(&source, &new, 1e-4, -0.1);
    let named = [format!("jan={}", text(&old)), format!("jul={}", text(&new))];
    tile(&place, &["--scene", &named[0], "--scene", &named[1]], &labels, "store").expect(3).says(&[
        "\"jan\" and \"jul\" differ in scale and offset",
        "x 0.0001 + 0 in every band and x 0.0001 - 0.1 in every band",
        "gdal_translate -unscale",
    ]);
    // One conversion is for both, so it does not make them alike.
    let converted = ["--scene", &named[0], "--scene", &named[1], "--band-offset=-1000"];
    tile(&place, &converted, &labels, "store").expect(3).says(&["\"jan\" and \"jul\" differ in scale and offset"]);
    tile(&place, &[text(&old)], &labels, "store").expect(0);
    let (store, bundle, out) = (place.path("store"), place.path("bundle"), place.path("out"));
    areal(["train", "--store", text(&store), "--out", text(&bundle), "--epochs", "1"]).expect(0);
    let predict = |file: &Path| areal(["predict", text(file), "--bundle", text(&bundle), "--out", text(&out)]);
    predict(&new).expect(3).says(&[
        "stored x 0.0001 + 0 in every band",
        "stored x 0.0001 - 0.1",
        "pass --band-offset=-1000 to",
    ]);
    assert!(!out.exists());
    areal([
        "predict",
        text(&new),
        "--bundle",
        text(&bundle),
        "--out",
        text(&place.path("mended")),
        "--band-offset=-1000",
    ])
    .expect(0);
    // A store is cut again; `evaluate` has no such flag.
    tile(&place, &[text(&new)], &labels, "newer").expect(0);
    areal(["evaluate", "--bundle", text(&bundle), "--store", text(&place.path("newer")), "--out", text(&out)])
        .expect(3)
        .says(&["cut the store again: `areal tile` with --band-offset=-1000"]);
    predict(&old).expect(0);
    // A bundle of an earlier version does not know, and is used as it was.
    let model = bundle.join("model.json");
    let mut document: serde_json::Value = serde_json::from_slice(&std::fs::read(&model).unwrap()).unwrap();
    assert_eq!(document["scaling"][0]["scale"], 1e-4);
    document.as_object_mut().unwrap().remove("scaling");
    std::fs::write(&model, document.to_string()).unwrap();
    std::fs::remove_file(bundle.join(areal_job::MANIFEST)).unwrap();
    std::fs::remove_dir_all(&out).unwrap();
    predict(&new).expect(0);
}

#[test]
fn parts_of_a_label_that_overlap_are_counted_once() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 100, 100);
    let scene = place.scene("scene.tif", &grid, |r, c| (r + c) as u16);
    let square = |a: f64| geo::Polygon::try_from(rectangle(&grid, [a, a, a + 80.0, a + 80.0])).unwrap();
    let both: Geometry<f64> = MultiPolygon(vec![square(0.0), square(20.0)]).into();
    let labels = place.layer("labels.gpkg", &grid, &[(both, "forest", 1.0, "a")]);
    place.tile("store", &labelled(&[text(&scene)], &labels, "--patch-size 100 --split 1,0,0")).expect(0);
    let store = areal_store::PatchStore::open(&place.path("store")).unwrap();
    // 2 x 6400 - 3600 of 10,000 pixels.
    assert!((store.records()[0].label_fraction - 0.92).abs() < 1e-12, "{:?}", store.records()[0]);

    // A bow tie: what is inside it is a matter of rule, and said.
    let at = |r: f64, c: f64| geo::Coord::from((grid.transform.apply(r, c)[0], grid.transform.apply(r, c)[1]));
    let (a, b, c, d) = (at(0.0, 0.0), at(100.0, 100.0), at(0.0, 100.0), at(100.0, 0.0));
    let tie: Geometry<f64> = polygon![a, b, c, d].into();
    let labels = place.layer("tie.gpkg", &grid, &[(tie, "forest", 1.0, "a")]);
    let flags = "--patch-size 100 --split 1,0,0 --min-label-fraction 0.4";
    place
        .tile("tie", &labelled(&[text(&scene)], &labels, flags))
        .expect(0)
        .says(&["1 polygon with an outline that crosses itself, first that of 1 at (500500, 99500)"]);
}

/// One coordinate of 1e12 took all memory; it was moved by every whole turn in between.
#[test]
fn a_zone_in_degrees_that_lies_nowhere_is_refused() {
    let place = Place::new();
    let grid = areal_grid::PixelGrid {
        crs: areal_raster::crs_from_text("EPSG:4326").unwrap(),
        transform: areal_grid::Affine::north_up([102.0, 5.0], [0.01, 0.01]),
        height: 20,
        width: 20,
    };
    let map = place.raster("map.tif", &grid, Pixels::U8(vec![1; 400]), 255.0);
    for (vertex, said) in [("[1e12, 4.9]", "(1000000000000, 4.9)"), ("[102.1, 95]", "(102.1, 95)")] {
        let ring = format!("[[102, 4.9], {vertex}, [102.1, 5], [102, 4.9]]");
        let text = format!(
            "{{\"type\":\"FeatureCollection\",\"features\":[{{\"type\":\"Feature\",\"properties\":{{\"id\":\"far\"}},\
             \"geometry\":{{\"type\":\"Polygon\",\"coordinates\":[{ring}]}}}}]}}"
        );
        let zones = place.path("zones.geojson");
        std::fs::write(&zones, text).unwrap();
        let out = place.path("areas");
        let args = [
            "aggregate",
            "--raster",
            crate::common::place::text(&map),
            "--zones",
            crate::common::place::text(&zones),
            "--zone-id",
            "id",
            "--out",
        ];
        areal(args.into_iter().chain([crate::common::place::text(&out)])).expect(3).says(&[
            "far",
            said,
            "is not a valid longitude and latitude",
        ]);
        assert!(!out.exists());
    }
}

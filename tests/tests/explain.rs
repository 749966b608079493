//! `areal explain` as its users run it.

use std::ffi::OsString;
use std::path::PathBuf;

use areal_formats::SceneSettings;
use areal_grid::ToLonLat;
use areal_raster::{Projection, RasterFile, Scene};
use tempfile::TempDir;

use crate::common::model_bundle::{classes, spec_for, write};
use crate::common::scenes::made;
use crate::common::{areal, data, rows};

/// A real scene of 12 bands and an empty folder to work in; none where the data is not there.
fn sentinel2() -> Option<(PathBuf, Scene, TempDir)> {
    let file = data("sentinel2_amazon/sen2_12band_f32.tif")?;
    let scene = Scene::open(&SceneSettings::new("scene", vec![file.clone()])).unwrap();
    Some((file, scene, tempfile::tempdir().unwrap()))
}

/// The flag that asks for the patch about the pixel in row 100, column 120.
fn place(scene: &Scene) -> String {
    let mut centre = [scene.grid().centre(100, 120)];
    Projection::to_lonlat(&scene.grid().crs).unwrap().to_lonlat(&mut centre).unwrap();
    format!("--at={},{}", centre[0][0], centre[0][1])
}

#[test]
fn places_and_most_certain_patches_of_a_real_scene_are_explained() {
    let Some((file, scene, work)) = sentinel2() else { return };
    let at = |name: &str| -> OsString { work.path().join(name).into() };
    write(&work.path().join("bundle"), spec_for(&scene, classes(), 32));
    let common = |command: &str, out: &str| -> Vec<OsString> {
        vec![command.into(), file.clone().into(), "--bundle".into(), at("bundle"), "--out".into(), at(out)]
    };
    areal(common("predict", "prediction")).expect(0);

    let mut args = common("explain", "saliency");
    args.extend([place(&scene).into(), "--prediction".into(), at("prediction"), "--top".into(), "1".into()]);
    args.extend(["--steps".into(), "4".into()]);
    areal(args).expect(0);

    let out = work.path().join("saliency");
    let rows = rows(&out.join("saliency.csv"));
    assert!(rows.len() >= 6 && rows.len().is_multiple_of(3), "{} rows", rows.len());
    let place: Vec<_> = rows.iter().filter(|r| r["id"] == "place-1").collect();
    assert_eq!(place.iter().map(|r| r["method"].as_str()).collect::<Vec<_>>(), ["grad-cam", "hires-cam", "occlusion"]);
    // Pixel (100, 120) less half of 32.
    assert!(place.iter().all(|r| r["row"] == "84" && r["col"] == "104"));
    for row in &rows {
        assert!(out.join(&row["png"]).is_file() && out.join(&row["tif"]).is_file());
        let error = &row["completeness_error"];
        assert_eq!(error.is_empty(), row["method"] != "hires-cam");
        assert!(error.is_empty() || error.parse::<f64>().unwrap() < 1e-2, "completeness error {error}");
        assert!((0.0..=1.0).contains(&row["deletion_auc"].parse::<f64>().unwrap()));
    }
    let map = RasterFile::open(&out.join("place-1.tif")).unwrap();
    assert_eq!(map.grid().transform.origin, scene.grid().transform.apply(84.0, 104.0));
    assert_eq!((map.grid().height, map.grid().width, map.bands().len()), (32, 32, 3));
    let picture = image::open(out.join(&place[0]["png"])).unwrap();
    assert_eq!((picture.width(), picture.height()), (2 * 256 + 8, 256));
}

/// The scene was called unprojectable, with advice on --crs, where the place lies beyond the projection's domain.
#[test]
fn a_place_beyond_the_projection_of_the_scene_is_outside() {
    let work = tempfile::tempdir().unwrap();
    let [file, bundle, out] = ["scene.tif", "bundle", "out"].map(|name| work.path().join(name));
    // UTM zone 48, about 105 degrees east.
    made(&file, 32, 32, |k| 1 + k as u16);
    let scene = Scene::open(&SceneSettings::new("scene", vec![file.clone()])).unwrap();
    write(&bundle, spec_for(&scene, classes(), 16));
    let [file, bundle, out] = [file, bundle, out].map(|path| path.to_string_lossy().into_owned());
    let run = areal(["explain", &file, "--bundle", &bundle, "--at", "0,0", "--out", &out]).expect(2);
    let run = run.says(&["longitude 0, latitude 0 is outside the scene", "give --at longitude,latitude"]);
    assert!(!run.stderr.contains("--crs"), "{}", run.stderr);
}

#[test]
fn what_cannot_be_explained_is_said() {
    let Some((file, scene, work)) = sentinel2() else { return };
    write(&work.path().join("bundle"), spec_for(&scene, classes(), 32));
    let run = |more: &[&str]| {
        let mut args: Vec<OsString> = vec!["explain".into(), file.clone().into(), "--bundle".into()];
        args.extend([work.path().join("bundle").into(), "--out".into(), work.path().join("out").into()]);
        args.extend(more.iter().map(Into::into));
        areal(args)
    };
    run(&["--at", "10.5,50.25"]).expect(2).says(&["10.5", "outside the scene"]);
    for no_place in ["10.5", "999,5", "5,99", "nan,5", "5,inf"] {
        run(&["--at", no_place]).expect(2).says(&[no_place, "is not a position", "--at"]);
    }
    run(&[]).expect(2).says(&["--patch", "--prediction"]);
    run(&["--methods", "magic"]).expect(2).says(&["magic"]);
    // Ended in a panic once: one score a step was to be held.
    run(&[&place(&scene), "--steps", "18446744073709551615"]).expect(2).says(&["--steps", "18446744073709551615"]);
    run(&[&place(&scene), "--methods", "occlusion,grad-cam,occlusion"])
        .expect(2)
        .says(&["--methods", "occlusion twice"]);
    run(&[&place(&scene), "--window", "33"]).expect(2).says(&["--window", "33"]);
    run(&[&place(&scene), "--window", "0"]).expect(2).says(&["--window"]);
    std::fs::remove_file(work.path().join("bundle/weights.safetensors")).unwrap();
    run(&[&place(&scene)]).expect(3).says(&["it has no weights.safetensors"]);
    std::fs::remove_file(work.path().join("bundle/model.json")).unwrap();
    run(&[&place(&scene)]).expect(3).says(&["is not a bundle: it has no model.json"]);
    assert!(!work.path().join("out").exists());
}

#[test]
fn a_prediction_of_another_grid_patch_size_or_bundle_is_refused() {
    let Some((file, scene, work)) = sentinel2() else { return };
    let at = |name: &str| -> OsString { work.path().join(name).into() };
    write(&work.path().join("bundle"), spec_for(&scene, classes(), 32));
    let mut other = spec_for(&scene, classes(), 32);
    other.calibration.temperature = 2.0;
    write(&work.path().join("other"), other);
    write(&work.path().join("small"), spec_for(&scene, classes(), 16));

    // The lower right quarter of the scene, on its pixels.
    let corner = |row: usize, col: usize| scene.grid().transform.apply(row as f64, col as f64);
    let (height, width) = (scene.grid().height, scene.grid().width);
    let ([west, north], [east, south]) = (corner(height / 2, width / 2), corner(height, width));
    let bounds: OsString = format!("--bounds={west},{south},{east},{north}").into();
    let run = |command: &str, bundle: &str, out: &str, more: &[OsString]| {
        let mut args: Vec<OsString> = vec![command.into(), file.clone().into(), "--bundle".into(), at(bundle)];
        args.extend(["--out".into(), at(out)]);
        args.extend(more.iter().cloned());
        areal(args)
    };
    run("predict", "bundle", "prediction", std::slice::from_ref(&bounds)).expect(0);
    let from: Vec<OsString> =
        ["--prediction".into(), at("prediction"), "--top".into(), "1".into(), "--steps".into(), "2".into()].into();
    let here = [&from[..], std::slice::from_ref(&bounds)].concat();
    let cells = format!("{} x {} of", height.div_ceil(32), width.div_ceil(32));
    run("explain", "bundle", "out", &from).expect(3).says(&[
        "the cells of the prediction are",
        &cells,
        "--bounds",
        "--resolution",
    ]);
    run("explain", "small", "out", &here).expect(3).says(&["32 px", "16 px", "--bundle"]);
    run("explain", "other", "out", &here).expect(3).says(&["SHA-256", "--bundle"]);
    assert!(!work.path().join("out").exists());
    run("explain", "bundle", "out", &here).expect(0);
    // The chosen patches, and how the scene was read, are recorded.
    let text = std::fs::read_to_string(work.path().join("out/explain.json")).unwrap();
    let chosen = &serde_json::from_str::<serde_json::Value>(&text).unwrap()["provenance"]["settings"]["chosen"];
    assert_eq!((&chosen["top"], &chosen["scene"]["bounds"][0]), (&1.into(), &west.into()), "{chosen}");
}

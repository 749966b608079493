//! `areal init`: recipes from the files of a person.

use std::fs;

use crate::common::{areal, data};

/// Of small polygons, 32 px patches of the grid left none, and patches by hand 21 with an accuracy of 0.
#[test]
fn fault_52_a_recipe_suits_the_size_of_the_labels() {
    let (Some(scene), Some(labels)) =
        (data("sentinel2_amazon/sen2_12band_f32.tif"), data("sentinel2_amazon/trainingPolygons_sen2.geojson"))
    else {
        return;
    };
    let (scene, labels) = (scene.to_str().unwrap(), labels.to_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("r.toml");
    let path = recipe.to_str().unwrap();
    // Median of 4 area / outline of the 25 polygons in pixels, by numpy: 8.94.
    let suits = "--patch-size 8 --stride 2 --placement polygon --split-by group";
    areal(["init", path, "--scene", scene, "--labels", labels, "--label-field", "class"])
        .expect(0)
        .says(&["half of the 25 label polygons are narrower than 9 pixels", suits]);
    let text: toml::Table = toml::from_str(&fs::read_to_string(&recipe).unwrap()).unwrap();
    assert!(text["tile"]["labels"].as_str().unwrap().ends_with("sentinel2_amazon/trainingPolygons_sen2.geojson"));
    assert_eq!(text["tile"]["placement"].as_str(), Some("polygon"));
    assert_eq!((&text["tile"]["patch-size"], &text["tile"]["stride"]), (&8.into(), &2.into()));
    assert_eq!(text["predict"]["stride"], 4.into());

    // Without zones there is nothing to aggregate over; every other stage is checked, and accepted.
    assert!(text.get("aggregate").is_none());
    areal(["run", path, "--dry-run"]).expect(0);

    // What it proposes works; what did not is told why.
    let out = folder.path().join("patches");
    let tile = ["tile", scene, "--labels", labels, "--label-field", "class", "--out", out.to_str().unwrap()];
    let words = ["half of the 25 polygons are narrower than 9 pixels, and patches have 32", suits, "no patch remains"];
    areal([&tile[..], &["--patch-size", "32"]].concat()).expect(1).says(&words);
    let tiled = areal(tile.into_iter().chain(suits.split(' '))).expect(0);
    assert!(!tiled.stderr.contains("narrower"), "{}", tiled.stderr);
}

#[test]
fn a_recipe_names_files_relative_to_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    areal(["demo", "--size", "small", "--out", demo.to_str().unwrap()]).expect(0);
    let file = |name: &str| demo.join(name).to_str().unwrap().to_owned();
    let (recipe, scene, labels, zones) =
        (file("r.toml"), file("scene_west.tif"), file("labels.gpkg"), file("districts.gpkg"));
    let init = ["init", &recipe, "--scene", &scene, "--labels", &labels, "--zones", &zones];
    areal([&init[..], &["--zone-id", "district_id"]].concat()).expect(0).says(&["read it, then run"]);
    let text: toml::Table = toml::from_str(&fs::read_to_string(&recipe).unwrap()).unwrap();
    assert_eq!(text["scenes"]["scene"][0].as_str(), Some("scene_west.tif"));
    assert_eq!(text["tile"]["label-field"].as_str(), Some("class"), "the only field with text");
    assert_eq!(text["aggregate"]["zones"].as_str(), Some("districts.gpkg"));
    // Every stage is checked, and accepted.
    areal(["run", &recipe, "--dry-run"]).expect(0);
    areal(["init", &recipe, "--overwrite", "--scene", "gone.tif"]).expect(3).says(&["cannot read gone.tif"]);
    assert!(fs::read_to_string(&recipe).unwrap().contains("scene_west.tif"), "the former recipe stays");
}

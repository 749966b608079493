//! Labels as people return them: names, codes, spaces and letter case. Faults found by trying public bug reports.

use std::process::Command;

use areal_grid::Class;
use areal_store::PatchStore;
use geo::Geometry;

use crate::common::place::{Place, class_names, halves, rectangle, text, utm};
use crate::common::prediction_folder;
use crate::common::survey_world::{cell_areas, grid, world};
use crate::common::survey_world::{estimates, labelled_world};
use crate::common::{labelled, number, rows, run};

#[test]
fn fault_11_a_label_is_a_name_or_a_code() {
    let (w, text) = labelled_world();
    let names = estimates(&w, "names", text.as_bytes(), &[]);
    let codes = text.replace(",rubber", ",1").replace(",forest", ",2").replace(",paddy", ",3");
    assert_eq!(estimates(&w, "codes", codes.as_bytes(), &[]), names);
    let mixed = text.replace(",rubber", ",1");
    std::fs::write(w.path("labelled.csv"), mixed).unwrap();
    w.estimate("x", &[])
        .expect(3)
        .says(&["some labels are names (\"forest\", \"paddy\") and others are codes (\"1\")", "codes: units "]);
    let slip = text.replacen(",rubber", ",rubbber", 1);
    std::fs::write(w.path("labelled.csv"), slip).unwrap();
    w.estimate("x", &[]).expect(3).says(&[
        "1 label is not a class of the map",
        "\"rubbber\"",
        "all names or all codes: rubber (1)",
    ]);
}

/// Classes "1", "2", "4" with the codes 0 to 2: a 3 that is no class must not become one, nor a 2 the class "4".
#[test]
fn fault_11_a_legend_whose_names_are_codes_of_others_is_not_guessed() {
    let w = world();
    let classes: Vec<Class> = [(0, "1"), (1, "2"), (2, "4")]
        .map(|(code, name)| Class { code, name: name.into(), colour: [code; 3] })
        .to_vec();
    let map: Vec<u8> = w.map.iter().map(|code| if *code == 255 { 255 } else { code - 1 }).collect();
    let states: Vec<_> = map
        .iter()
        .map(|m| if *m == 255 { areal_grid::PixelState::Nodata } else { areal_grid::PixelState::Observed })
        .collect();
    std::fs::remove_dir_all(w.path("prediction")).unwrap();
    prediction_folder::write_classes(&w.path("prediction"), &grid(), &classes, &states, &map, &[]);
    w.sample(&["--size", "150", "--strata", "classes"]).expect(0);
    let guide = std::fs::read_to_string(w.path("sample/labelling.md")).unwrap();
    assert!(guide.contains("Write a name exactly") && !guide.contains("(`0`)"), "{guide}");
    w.label("sample", "sample.csv", "labelled.csv");
    let text = std::fs::read_to_string(w.path("labelled.csv")).unwrap();
    let with = |names: [&str; 3]| {
        let text = text.replace(",rubber", &format!(",{}", names[0])).replace(",forest", &format!(",{}", names[1]));
        std::fs::write(w.path("labelled.csv"), text.replace(",paddy", &format!(",{}", names[2]))).unwrap();
    };
    with(["1", "2", "4"]);
    w.estimate("names", &[]).expect(0);
    with(["1", "2", "3"]);
    for flags in [&[][..], &["--class-by", "name"], &["--class-by", "code"]] {
        w.estimate("x", flags).expect(3).says(&["labels are not classes of the map", "\"3\""]);
    }
    with(["0", "1", "2"]);
    w.estimate("x", &[]).expect(3).says(&["can be read in two ways", "--class-by name or --class-by code"]);
    w.estimate("codes", &["--class-by", "code"]).expect(0);
    let estimate =
        |out: &str| rows(&w.path(out).join("estimates.csv")).iter().map(|r| r["estimate"].clone()).collect::<Vec<_>>();
    assert_eq!(estimate("codes"), estimate("names"));
    // The same rule for classes in flags.
    w.sample(&["--target-cv", "0.2", "--class", "2", "--strata", "classes", "--overwrite"])
        .expect(2)
        .says(&["--class: labels can be read in two ways", "--class-by"]);
}

#[test]
fn fault_11_tile_gives_numbers_their_own_codes() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let scene = place.scene("scene.tif", &grid, |r, c| (r * 60 + c) as u16);
    let shapes: [(Geometry<f64>, &str, f64, &str); 2] = [
        (rectangle(&grid, [0.0, 0.0, 40.0, 30.0]), "4", 1.0, ""),
        (rectangle(&grid, [0.0, 30.0, 40.0, 60.0]), "7", 2.0, ""),
    ];
    let labels = place.layer("labels.gpkg", &grid, &shapes);
    place.tile("store", &labelled(&[text(&scene)], &labels, "--patch-size 10")).expect(0);
    let store = PatchStore::open(&place.path("store")).unwrap();
    let classes: Vec<_> = store.meta().target.classes().iter().map(|c| (c.code, c.name.clone())).collect();
    assert_eq!(classes, [(4, "4".to_owned()), (7, "7".to_owned())]);
    // Listed as names, 4 and 7 are not codes; listed as codes, they are no names.
    let listed = |classes: &str| labelled(&[text(&scene)], &labels, &format!("--patch-size 10 --classes {classes}"));
    place.tile("a", &listed("4=forest,7=water")).expect(0).says(&["labels are class codes"]);
    place.tile("b", &listed("7=4,4=7")).expect(3).says(&["can be read in two ways", "--class-by"]);
    place.tile("b", &[&listed("7=4,4=7")[..], &["--class-by".into(), "name".into()]].concat()).expect(0);
}

#[test]
fn fault_13_spaces_and_case_are_one_rule() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let scene = place.scene("scene.tif", &grid, |r, c| (r * 60 + c) as u16);
    let names = ["Forest", "Forest ", "forest", "Water", "Water\u{a0}", "oil\u{a0}palm"];
    let shapes: Vec<(Geometry<f64>, &str, f64, &str)> = (0..6)
        .map(|k| (rectangle(&grid, [0.0, 10.0 * k as f64, 40.0, 10.0 * (k + 1) as f64]), names[k], 1.0, ""))
        .collect();
    let labels = place.layer("labels.gpkg", &grid, &shapes);
    let args = labelled(&[text(&scene)], &labels, "--patch-size 10");
    let near = "the classes \"Forest\" and \"forest\" are nearly identical";
    place.tile("store", &args).expect(0).says(&[near]);
    let store = PatchStore::open(&place.path("store")).unwrap();
    let classes: Vec<&str> = store.meta().target.classes().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(classes, ["Forest", "Water", "forest", "oil palm"]);
    let count = |name: &str| class_names(&store).iter().filter(|n| *n == name).count();
    assert_eq!(classes.iter().map(|name| count(name)).collect::<Vec<_>>(), [8, 8, 4, 4]);
    // Against a list another letter case is taken and told.
    let listed = [&args[..], &["--classes".to_owned(), "forest,water,oil palm".to_owned()]].concat();
    place.tile("listed", &listed).expect(0).says(&["the label \"Water\" is read as the class \"water\""]);
}

#[test]
fn a_strata_raster_with_undeclared_nodata_is_read_with_a_flag() {
    let w = world();
    let strata = w.text("strata.tif");
    let map = w.text("prediction/classes.tif");
    run(Command::new("gdal_translate")
        .args(["-q", "-ot", "Int16", "-a_nodata", "none", "-scale", "255", "256", "-9999", "-9998"])
        .arg(&map)
        .arg(&strata))
    .expect(0);
    // 255 became -9999, class codes c became c - 10254: no strata either.
    w.sample(&["--size", "90", "--strata", "raster", "--strata-raster", &strata]).expect(3).says(&["--strata-nodata"]);
    run(Command::new("gdal_translate").args(["-q", "-ot", "Int16", "-a_nodata", "none"]).arg(&map).arg(&strata))
        .expect(0);
    w.sample(&["--size", "90", "--strata", "raster", "--strata-raster", &strata, "--strata-nodata", "3"]).expect(0);
    let drawn: f64 =
        rows(&w.path("sample/units.csv")).iter().filter(|u| u["map_class"] == "3").map(|u| number(u, "area_km2")).sum();
    assert!(drawn == 0.0 && cell_areas().len() > 1, "{drawn} km2 of class 3");
}

#[test]
fn labels_of_halves_stay_what_they_were() {
    let place = Place::new();
    let (scene, labels) = halves(&place);
    place.tile("store", &labelled(&[text(&scene)], &labels, "--patch-size 10")).expect(0);
    let store = PatchStore::open(&place.path("store")).unwrap();
    let classes: Vec<_> = store.meta().target.classes().iter().map(|c| (c.code, c.name.as_str())).collect();
    assert_eq!(classes, [(0, "forest"), (1, "water")]);
}

//! Tables with longitude and latitude as layers of points.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{areal, run};

/// A generated landscape whose survey clusters are also a table; the columns of place are named so.
fn clusters_as_table(demo: &Path, lon: &str, lat: &str) -> String {
    areal(["demo", "--size", "small", "--out", demo.to_str().unwrap()]).expect(0);
    let table = demo.join("clusters.csv");
    run(Command::new("ogr2ogr")
        .args(["-f", "CSV", "-lco", "GEOMETRY=AS_XY"])
        .arg(&table)
        .arg(demo.join("clusters.gpkg")))
    .expect(0);
    let text = fs::read_to_string(&table).unwrap();
    assert!(text.starts_with("X,Y,"), "{text}");
    fs::write(&table, text.replacen("X,Y,", &format!("{lon},{lat},"), 1)).unwrap();
    table.to_str().unwrap().to_owned()
}

/// A table of the Demographic and Health Surveys had "no coordinate reference system", though `estimate` reads places.
#[test]
fn fault_51_a_table_of_places_is_a_layer_of_points() {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    let table = clusters_as_table(&demo, "LONGNUM", "LATNUM");
    let (scene, layer) = (demo.join("scene_west.tif"), demo.join("clusters.gpkg"));
    let tile = |labels: &str, more: &[&str]| {
        let out = folder.path().join("patches");
        let flags =
            ["--labels", labels, "--value-field", "wealth", "--patch-size", "16", "--json", "--overwrite", "--out"];
        areal([&["tile", scene.to_str().unwrap()], &flags[..], &[out.to_str().unwrap()], more].concat())
    };
    let from_table =
        tile(&table, &[]).expect(0).says(&["positions are read from the columns LONGNUM and LATNUM (WGS 84)"]);
    let from_layer = tile(layer.to_str().unwrap(), &[]).expect(0);
    let counts = from_table.json()["counts"].clone();
    assert!(counts["patches"].as_u64().unwrap() > 20, "{counts}");
    assert_eq!(counts, from_layer.json()["counts"]);

    // Surveys write places that are not known as 0, 0; these have no patch.
    let text = fs::read_to_string(&table).unwrap();
    fs::write(&table, format!("{text}0,0,999,50,10\n")).unwrap();
    let unknown = tile(&table, &[]).expect(0).says(&["1 place is at longitude 0, latitude 0"]);
    assert_eq!(unknown.json()["counts"]["patches"], counts["patches"]);
    fs::write(&table, format!("{text}103.5,95,999,50,10\n")).unwrap();
    let line =
        format!("line {}, column LATNUM: \"95\" is not a number of degrees from -90 to 90", text.lines().count() + 1);
    tile(&table, &[]).expect(3).says(&["clusters.csv", &line, "decimal degrees"]);
    fs::write(&table, text.replacen("LATNUM", "north", 1)).unwrap();
    tile(&table, &[]).expect(3).says(&["clusters.csv", "has no geometries; a table has places in columns lon and lat"]);
}

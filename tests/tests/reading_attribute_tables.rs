//! Names of classes in attribute tables inside and beside rasters.

use std::process::Command;

use areal_grid::Pixels;
use areal_store::PatchStore;

use crate::common::bench::attribute_table;
use crate::common::bench::share;
use crate::common::bench::{Bench, near};
use crate::common::place::{Place, text, utm};
use crate::common::run;

#[test]
fn fault_14_names_of_an_attribute_table_are_kept() {
    let bench = Bench::new();
    let raster = bench.raster("crops.tif", &[&[1.0, 5.0, 5.0, 5.0]], &["-ot", "Byte"]);
    attribute_table(&raster);
    let said = bench.aggregate(&raster, &[]).expect(0);
    near(share(&said, "corn_share"), 0.25, 1e-12);
    near(share(&said, "soybeans_share"), 0.75, 1e-12);
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let scene = place.scene("scene.tif", &grid, |r, c| (r * 60 + c) as u16);
    let codes = (0..40 * 60).map(|i| if i % 60 < 30 { 1 } else { 5 }).collect();
    let labels = place.raster("labels.tif", &grid, Pixels::U8(codes), 255.0);
    attribute_table(text(&labels));
    place.tile("store", &[text(&scene), "--labels", text(&labels), "--patch-size", "10"]).expect(0);
    let store = PatchStore::open(&place.path("store")).unwrap();
    let classes: Vec<_> = store.meta().target.classes().iter().map(|c| (c.code, c.name.as_str())).collect();
    assert_eq!(classes, [(1, "Corn"), (5, "Soybeans")]);
}

/// As crop maps are published: the names in a table beside the raster.
#[test]
fn fault_14_names_of_a_table_beside_a_raster_are_kept() {
    let bench = Bench::new();
    let raster = bench.raster("crops.tif", &[&[1.0, 5.0, 5.0, 5.0]], &["-ot", "Byte"]);
    std::fs::write(bench.path("t.csv"), "VALUE,COUNT,CLASS_NAME\n1,1,Corn\n5,3,Soybeans\n").unwrap();
    let dbf = bench.path("crops.tif.vat.dbf");
    let open = ["-q", "-f", "ESRI Shapefile", "-oo", "AUTODETECT_TYPE=YES"];
    run(Command::new("ogr2ogr").args(open).arg(bench.path("t.dbf")).arg(bench.path("t.csv"))).expect(0);
    std::fs::rename(bench.path("t.dbf"), &dbf).unwrap();
    let said = bench.aggregate(&raster, &[]).expect(0);
    near(share(&said, "corn_share"), 0.25, 1e-12);
    near(share(&said, "soybeans_share"), 0.75, 1e-12);
    let meta = std::fs::read_to_string(bench.path("areas/areas.json")).unwrap();
    assert!(meta.contains("crops.tif.vat.dbf"), "{meta}");
}

/// A table beside a raster with two columns, of a type and a usage each, and names for the codes 1 to 3.
fn unknown_table(raster: &str, columns: [(&str, u8, u8); 3]) {
    let column = |(name, kind, usage): (&str, u8, u8)| {
        format!("<FieldDefn><Name>{name}</Name><Type>{kind}</Type><Usage>{usage}</Usage></FieldDefn>")
    };
    let row =
        |(code, name): (u8, &str)| format!("<Row index=\"{}\"><F>{code}</F><F>{code}</F><F>{name}</F></Row>", code - 1);
    let rows = [(1, "Corn"), (2, "Soy"), (3, "Water")].map(row).concat();
    let table = format!("<GDALRasterAttributeTable>{}{rows}</GDALRasterAttributeTable>", columns.map(column).concat());
    let text = format!("<PAMDataset><PAMRasterBand band=\"1\">{table}</PAMRasterBand></PAMDataset>");
    std::fs::write(format!("{raster}.aux.xml"), text).unwrap();
}

/// Code 1 was called Soy: the rows were counted from 0.
#[test]
fn a_table_whose_code_column_is_not_known_is_not_read_by_row() {
    let bench = Bench::new();
    let raster = bench.raster("crops.tif", &[&[1.0, 2.0, 2.0, 2.0]], &["-ot", "Byte"]);
    for columns in
        [[("gridcode", 0, 0), ("Count", 0, 1), ("class_name", 2, 0)], [("From", 0, 3), ("To", 0, 4), ("Descr", 2, 2)]]
    {
        unknown_table(&raster, columns);
        let said = bench.aggregate(&raster, &[]).expect(0);
        near(share(&said, "class_1_share"), 0.25, 1e-12);
        said.says(&["is not used", &columns[0].0.to_lowercase()]);
    }
    // Names, counts and colours alone: a row's number is its code.
    unknown_table(&raster, [("Histogram", 1, 1), ("Red", 0, 6), ("Class_Names", 2, 2)]);
    near(share(&bench.aggregate(&raster, &[]).expect(0), "soy_share"), 0.25, 1e-12);
}

#[test]
fn names_beside_a_raster_do_not_stop_a_command_with_a_legend() {
    let bench = Bench::new();
    let raster = bench.raster("crops.tif", &[&[1.0, 5.0, 5.0, 5.0]], &["-ot", "Byte"]);
    std::fs::write(bench.path("crops.tif.vat.dbf"), "no table").unwrap();
    std::fs::write(bench.path("legend.csv"), "code,name\n1,corn\n5,soy\n").unwrap();
    bench.aggregate(&raster, &[]).expect(3);
    let legend = bench.text("legend.csv");
    near(share(&bench.aggregate(&raster, &["--legend", &legend]).expect(0), "soy_share"), 0.75, 1e-12);
}

//! Class codes, names and colours of rasters: palettes, attribute tables, legends and mappings.

use std::process::Command;

use areal_grid::{PixelState, Pixels};
use areal_store::PatchStore;
use serde_json::Value;

use crate::common::bench::attribute_table;
use crate::common::bench::share;
use crate::common::bench::{Bench, near};
use crate::common::place::{Place, class_names, text, utm};
use crate::common::{areal, run};

/// Corine codes: 311 to 313 are forest, 111 built up, 512 water.
const CORINE: [&[f64]; 1] = [&[311.0, 312.0, 313.0, 111.0, 512.0, 512.0, 512.0, 512.0]];

#[test]
fn fault_15_codes_are_mapped_to_classes_in_aggregate() {
    let bench = Bench::new();
    let raster = bench.raster("corine.tif", &CORINE, &["-ot", "Int16"]);
    let classes = ["--content", "classes"];
    let flags = ["--map", "311,312,313=forest", "--map", "*=other"];
    let run = bench.aggregate(&raster, &[&classes[..], &flags].concat()).expect(0);
    near(share(&run, "forest_share"), 3.0 / 8.0, 1e-12);
    near(share(&run, "other_share"), 5.0 / 8.0, 1e-12);
    std::fs::write(bench.path("legend.csv"), "code;name;colour;parent\n1;forest;#00ff00;\n311;broad-leaved;;forest\n312;coniferous;;forest\n313;mixed;;forest\n111;town;;\n").unwrap();
    let legend = bench.text("legend.csv");
    let run = bench.aggregate(&raster, &[&classes[..], &["--legend", &legend]].concat()).expect(0);
    near(share(&run, "forest_share"), 3.0 / 8.0, 1e-12);
    near(share(&run, "town_share"), 1.0 / 8.0, 1e-12);
    near(share(&run, "class_512_share"), 4.0 / 8.0, 1e-12);
    let run = run.says(&["the legend has no class for 1 code: 512"]);
    let csv = std::fs::read_to_string(bench.path("areas/areas.csv")).unwrap();
    assert!(csv.contains("class_area,1,forest") && csv.contains("class_area,111,town"), "{csv}{}", run.stderr);
    bench.aggregate(&raster, &["--map", "311"]).expect(2).says(&["it has no \"=\""]);
    for content in [&["--content", "values"][..], &[]] {
        let flags = [content, &["--map", "311=forest"]].concat();
        bench.aggregate(&raster, &flags).expect(3).says(&[
            "it holds values",
            "pass --content classes",
            "leave out --map",
        ]);
    }
    bench
        .aggregate(&raster, &[&classes[..], &["--map", "311-313=forest"]].concat())
        .expect(0)
        .says(&["no --map rule covers 2 codes: 111, 512"]);
}

#[test]
fn fault_15_masks_of_0_and_255_and_codes_above_254_are_labels() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let scene = place.scene("scene.tif", &grid, |r, c| (r * 60 + c) as u16);
    let halves =
        |west: u16, east: u16| -> Vec<u16> { (0..40 * 60).map(|i| if i % 60 < 30 { west } else { east }).collect() };
    let codes = place.raster("codes.tif", &grid, Pixels::U16(halves(0, 255)), 9999.0);
    let args = [text(&scene), "--labels", text(&codes), "--patch-size", "10"];
    place
        .tile("x", &args)
        .expect(3)
        .says(&["row 0, column 30: 255 is not a class code", "--map 0=other --map 255=building"]);
    let check = |out: &str, more: &[&str], expected: [(u8, &str); 2]| {
        place.tile(out, &[&args[..], more].concat()).expect(0);
        let store = PatchStore::open(&place.path(out)).unwrap();
        let classes: Vec<_> = store.meta().target.classes().iter().map(|c| (c.code, c.name.as_str())).collect();
        assert_eq!(classes, expected);
        for (record, name) in store.records().iter().zip(class_names(&store)) {
            assert_eq!(name, expected[usize::from(record.col >= 30)].1);
        }
    };
    check("mapped", &["--map", "0=other", "--map", "255=building"], [(0, "other"), (1, "building")]);
    check("listed", &["--classes", "0=other,255=building"], [(0, "other"), (1, "building")]);
    place.raster("codes.tif", &grid, Pixels::U16(halves(312, 512)), 9999.0);
    check("rules", &["--map", "311-313=forest", "--map", "512=water"], [(0, "forest"), (1, "water")]);
    std::fs::write(
        place.path("legend.csv"),
        "code,name,parent\n3,forest,\n312,coniferous,forest\n9,water,\n512,lake,water\n",
    )
    .unwrap();
    check("legend", &["--legend", text(&place.path("legend.csv"))], [(3, "forest"), (9, "water")]);
    place.tile("x", &[&args[..], &["--map", "312=forest"]].concat()).expect(3).says(&["label 512", "--map"]);
}

#[test]
fn legends_of_rasters_that_leave_codes_open_are_refused() {
    let bench = Bench::new();
    let raster = bench.raster("a.tif", &[&[1.0, 2.0, 2.0, 2.0]], &["-ot", "Byte"]);
    let legend = bench.text("legend.csv");
    for (text, said) in [
        ("code,name\n1,forest\n,water\n", ["\"water\" has no code", "give every row"]),
        ("code,name,parent\n1,forest,\n,beech,forest\n", ["\"beech\" has no code", "give every row"]),
        ("code,name,parent\n1,2,\n2,tree,\n3,beech,2\n", ["in two ways", "all as codes"]),
        ("code,name\n1,urban\n2,urban\n", ["twice (codes 1 and 2)", "--map 1,2=CLASS"]),
    ] {
        std::fs::write(&legend, text).unwrap();
        bench.aggregate(&raster, &["--legend", &legend]).expect(2).says(&said);
    }
    std::fs::write(&legend, "code,name\n1,forest\n2,\"water\n3,bare\n").unwrap();
    bench.aggregate(&raster, &["--legend", &legend]).expect(3).says(&["line 3: unclosed quote"]);
    bench.aggregate(&raster, &["--map", "*=a", "--map", "*=b"]).expect(2).says(&["all other codes"]);
}

/// Two pictures of the same colours with palettes in another order, and the same picture in full colour.
#[test]
fn fault_14_a_palette_image_is_read_by_its_own_palette() {
    let place = Place::new();
    for class in ["a", "b"] {
        std::fs::create_dir_all(place.path("images").join(class)).unwrap();
    }
    let (sand, sea) = ([200u8, 180, 90], [10u8, 40, 160]);
    let picture = |name: &str, palette: &[[u8; 3]], order: [u8; 2]| {
        let vrt = place.path("p.vrt");
        let entry = |[r, g, b]: &[u8; 3]| format!("<Entry c1=\"{r}\" c2=\"{g}\" c3=\"{b}\" c4=\"255\"/>");
        let entries = palette.iter().map(entry).collect::<Vec<_>>().concat();
        let raw: Vec<u8> = (0..64).map(|k| order[usize::from(k % 8 >= 4)]).collect();
        std::fs::write(place.path("p.raw"), raw).unwrap();
        let text = format!(
            "<VRTDataset rasterXSize=\"8\" rasterYSize=\"8\"><VRTRasterBand dataType=\"Byte\" band=\"1\" subClass=\"VRTRawRasterBand\">\
             <ColorInterp>Palette</ColorInterp><ColorTable>{entries}</ColorTable><SourceFilename relativeToVRT=\"1\">p.raw\
             </SourceFilename><ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>8</LineOffset></VRTRasterBand></VRTDataset>"
        );
        std::fs::write(&vrt, text).unwrap();
        run(Command::new("gdal_translate").args(["-q", "-of", "PNG"]).arg(&vrt).arg(place.path(name))).expect(0);
    };
    picture("images/a/1.png", &[sand, sea], [0, 1]);
    picture("images/b/2.png", &[sea, [1, 2, 3], sand], [2, 0]);
    place.tile("store", &["--from-folders", text(&place.path("images"))]).expect(0);
    let store = PatchStore::open(&place.path("store")).unwrap();
    assert_eq!(store.shape(), [2, 3, 8, 8]);
    let read = |index| {
        let (mut pixels, mut states) = (Pixels::U8(vec![0; 192]), [PixelState::Outside; 64]);
        store.read_into(index, &mut pixels, 0, &mut states).unwrap();
        assert!(states.iter().all(|s| *s == PixelState::Observed));
        pixels
    };
    let (first, second) = (read(0), read(1));
    assert_eq!(first, second);
    let colour = |at: usize| [first.get(at), first.get(at + 64), first.get(at + 128)];
    assert_eq!((colour(0), colour(4)), (sand.map(f64::from), sea.map(f64::from)));
}

#[test]
fn fault_14_palettes_that_differ_in_one_scene_are_told() {
    let bench = Bench::new();
    let raster = bench.raster("a.tif", &[&[0.0, 1.0]], &["-ot", "Byte"]);
    let with_palette = |name: &str, red: u8| {
        let vrt = bench.text(name);
        run(Command::new("gdal_translate").args(["-q", "-of", "VRT", &raster, &vrt])).expect(0);
        let text = std::fs::read_to_string(&vrt).unwrap();
        let table =
            format!("<ColorTable><Entry c1=\"{red}\" c2=\"0\" c3=\"0\" c4=\"255\"/></ColorTable></VRTRasterBand>");
        std::fs::write(&vrt, text.replace("</VRTRasterBand>", &table)).unwrap();
        vrt
    };
    let (a, b, c) = (with_palette("a.vrt", 1), with_palette("b.vrt", 1), with_palette("c.vrt", 2));
    let said = "have different colour tables";
    assert!(!areal(["inspect", &a, &b]).expect(0).stderr.contains(said));
    areal(["inspect", &a, &c]).expect(0).says(&[said]);
}

#[test]
fn fault_14_a_label_image_in_colours_is_mapped_by_colour_or_refused() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let scene = place.scene("scene.tif", &grid, |r, c| (r * 60 + c) as u16);
    // West: pure red, east: yellow; the red band is the same in both.
    let plane = |west: u8, east: u8| Pixels::U8((0..40 * 60).map(|i| if i % 60 < 30 { west } else { east }).collect());
    let bands: Vec<_> = [plane(255, 255), plane(0, 255), plane(0, 0)]
        .into_iter()
        .enumerate()
        .map(|(k, p)| place.raster(&format!("{k}.tif"), &grid, p, 7.0))
        .collect();
    let (vrt, mask) = (place.path("mask.vrt"), place.path("mask.tif"));
    run(Command::new("gdalbuildvrt").args(["-q", "-separate"]).arg(&vrt).args(&bands)).expect(0);
    run(Command::new("gdal_translate")
        .args(["-q", "-colorinterp", "red,green,blue", "-a_nodata", "none"])
        .arg(&vrt)
        .arg(&mask))
    .expect(0);
    let args = [text(&scene), "--labels", text(&mask), "--patch-size", "10"];
    place.tile("x", &args).expect(3).says(&["an image in red, green and blue", "--classes 0=water:#0000ff"]);
    let listed = |classes: &'static str| [&args[..], &["--classes", classes]].concat();
    place
        .tile("x", &listed("0=road:#ff0000,1=field:#00ff00"))
        .expect(3)
        .says(&["row 0, column 30: no class has the colour #ffff00"]);
    place.tile("store", &listed("0=road:#ff0000,1=field:#ffff00")).expect(0);
    let store = PatchStore::open(&place.path("store")).unwrap();
    for (record, name) in store.records().iter().zip(class_names(&store)) {
        assert_eq!(name, if record.col < 30 { "road" } else { "field" });
    }
    // Nor is it a class map.
    let bench = Bench::new();
    let zones = bench.text("zones.geojson");
    let (mask, out) = (text(&mask), bench.text("areas"));
    let refused = areal(["aggregate", "--raster", mask, "--zones", &zones, "--out", &out]);
    refused.expect(3).says(&["the red, green and blue of an image", "--bands"]);
}

#[test]
fn fault_29_statistics_beside_named_classes_change_no_digest() {
    let bench = Bench::new();
    let raster = bench.raster("crops.tif", &[&[1.0, 5.0, 5.0, 5.0]], &["-ot", "Byte"]);
    attribute_table(&raster);
    let digests = |run: crate::common::ProgramRun| -> Value {
        run.expect(0);
        let meta: Value = serde_json::from_slice(&std::fs::read(bench.path("areas/areas.json")).unwrap()).unwrap();
        meta["provenance"]["inputs"].clone()
    };
    let side_file = || std::fs::read_to_string(format!("{raster}.aux.xml")).unwrap();
    // GDAL writes the table in its own spelling the first time that it writes statistics.
    run(Command::new("gdalinfo").args(["-stats", &raster])).expect(0);
    let without: Vec<String> = side_file().lines().filter(|l| !l.contains("STATISTICS_")).map(str::to_owned).collect();
    std::fs::write(format!("{raster}.aux.xml"), without.join("\n")).unwrap();
    let before = digests(bench.aggregate(&raster, &[]));
    assert!(before.to_string().contains("aux.xml"), "{before}");
    run(Command::new("gdalinfo").args(["-stats", "-hist", &raster])).expect(0);
    let text = side_file();
    assert!(text.contains("STATISTICS_MEAN"), "{text}");
    assert_eq!(digests(bench.aggregate(&raster, &[])), before);
    std::fs::write(format!("{raster}.aux.xml"), text.replace("Corn", "Maize")).unwrap();
    assert_ne!(digests(bench.aggregate(&raster, &[])), before);
}

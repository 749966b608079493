//! `areal inspect`: what it says, and what it says is wrong.

use std::fs;
use std::process::Command;

use crate::common::bench::Bench;
use crate::common::{areal, data, run};

#[test]
fn a_missing_file_is_named() {
    areal(["inspect", "no-such-file.tif"]).expect(3).says(&["no-such-file.tif", "check the path"]);
}

#[test]
fn a_file_without_pixels_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.tif");
    fs::write(&empty, "").unwrap();
    areal(["inspect", empty.to_str().unwrap()]).expect(3).says(&["empty.tif"]);
    areal(["inspect", dir.path().to_str().unwrap()]).expect(3);
}

#[test]
fn facts_of_a_real_scene_are_right() {
    let (Some(cloudy), Some(clear)) = (
        data("landsat7_chiapas/LE70220492002106EDC00_stack.gtif"),
        data("landsat7_chiapas/LE70220491999322EDC01_stack.gtif"),
    ) else {
        return;
    };
    let path = cloudy.to_str().unwrap();
    let quality = ["--quality-band", "8", "--quality-values", "2,4"];
    let run = areal([&["inspect", path, "--json"], &quality[..]].concat()).expect(0);
    let document = run.json();
    assert_eq!(document["format"], "areal-inspection/1");
    let scene = &document["scene"];
    assert_eq!(scene["grid"]["crs"]["name"], "EPSG:32615");
    assert_eq!((&scene["grid"]["height"], &scene["grid"]["width"]), (&250.into(), &250.into()));
    assert_eq!(scene["bands"].as_array().unwrap().len(), 7, "the quality band is set apart");
    // 30 m on the map are within 0.04 % of 30 m on the ground near a UTM zone's middle.
    let ground = scene["ground_resolution"]["x"].as_f64().unwrap();
    assert!((ground - 30.0).abs() < 0.02, "{ground}");
    let pixels = &scene["statistics"]["pixels"];
    let count = |state: &str| pixels[state].as_u64().unwrap();
    assert_eq!(count("observed") + count("nodata") + count("masked") + count("outside"), 62_500);
    // Counted with numpy: 4,141 pixels of cloud shadow (2) and 12,663 of cloud (4).
    assert_eq!(count("masked"), 16_804);
    assert_eq!(scene["suggested_patches"]["patch_size"], 32);

    let text = areal(["inspect", clear.to_str().unwrap()]).expect(0).stdout;
    for expected in ["EPSG:32615", "-9999", "band 1 reflectance", "--patch-size 32", "observed"] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

#[test]
fn two_overlapping_files_make_one_scene() {
    let (Some(a), Some(b)) = (data("geotiff_variants/rgb1.tif"), data("geotiff_variants/rgb2.tif")) else { return };
    let (a, b) = (a.to_str().unwrap(), b.to_str().unwrap());
    let document = areal(["inspect", "--json", a, b]).expect(0).json();
    assert_eq!(document["files"].as_array().unwrap().len(), 2);
    assert_eq!((&document["scene"]["grid"]["height"], &document["scene"]["grid"]["width"]), (&400.into(), &791.into()));
    assert!(document["refusal"].is_null());
}

#[test]
fn files_that_make_no_scene_are_inspected_and_the_flag_is_named() {
    let (Some(a), Some(b)) =
        (data("geotiff_variants/RGB.byte.tif"), data("geotiff_variants/rgb1_fake_nir_epsg3857.tif"))
    else {
        return;
    };
    let (a, b) = (a.to_str().unwrap(), b.to_str().unwrap());
    let reason = |flags: &[&str]| {
        let document = areal([&["inspect", "--json", a, b], flags].concat()).expect(3).json();
        assert_eq!(document["files"].as_array().unwrap().len(), 2);
        let refusal = &document["refusal"];
        let text = |key: &str| refusal[key].as_str().unwrap_or_default().to_owned();
        (text("reason"), text("help"))
    };
    let (why, help) = reason(&[]);
    assert!(why.contains("number of bands: 3 and 1") && help.contains("--bands"), "{why}: {help}");
    let (why, help) = reason(&["--bands", "1"]);
    assert!(why.contains("EPSG:32618 and EPSG:3857") && help.contains("--crs"), "{why}: {help}");
    let (why, help) = reason(&["--bands", "1", "--crs", "EPSG:32618"]);
    assert!(
        why.contains("resolution is not given")
            && why.contains("epsg3857.tif must be warped")
            && help.contains("would fit this file"),
        "{why}: {help}"
    );
    let grid = ["--bands", "1", "--crs", "EPSG:32618", "--resolution", "300"];
    let (why, help) = reason(&grid);
    assert!(why.contains("resampling is not given") && help.contains("--resampling"), "{why}: {help}");
    let flags = [&["inspect", "--json", a, b][..], &grid[..], &["--resampling", "bilinear"]].concat();
    let document = areal(flags).expect(0).json();
    let pixels = &document["scene"]["statistics"]["pixels"];
    assert!(pixels["observed"].as_u64().unwrap() > 300_000, "{pixels}");
}

#[test]
fn wrong_flags_are_refused_before_any_work() {
    areal(["inspect"]).expect(2);
    areal(["inspect", "a.tif", "--resampling", "sharp"]).expect(2).says(&["sharp", "nearest"]);
    areal(["inspect", "a.tif", "--bounds", "1,2,3"]).expect(2).says(&["--bounds", "four"]);
    areal(["inspect", "a.tif", "--quality-values", "1"]).expect(2).says(&["--quality-band"]);
    let Some(path) = data("geotiff_variants/RGB.byte.tif") else { return };
    let path = path.to_str().unwrap();
    areal(["inspect", path, "--bands", "9"]).expect(3).says(&["no band 9", "3 bands"]);
    for json in [&["--json"][..], &[]] {
        let refused = |flags: &[&str], words: &[&str]| {
            assert_eq!(areal([&["inspect", path], flags, json].concat()).expect(2).says(words).stdout, "");
        };
        refused(&["--crs", "EPSG:99999", "--resolution", "10", "--resampling", "nearest"], &["EPSG:99999"]);
        for resolution in ["0", "nan"] {
            refused(
                &["--resolution", resolution, "--resampling", "nearest"],
                &["resolution", "gives no valid pixel grid"],
            );
        }
    }
    areal(["inspect", path, "--quality-band", "1"]).expect(2).says(&["neither values nor bits"]);
}

/// Two full lists of bands said that "band 8" is not "Band 8", and the exit code was 0.
#[test]
fn fault_51_bands_that_differ_are_named_and_letter_case_is_no_difference() {
    let bench = Bench::new();
    let pixels = bench.raster("pixels.tif", &[&[1.0, 2.0], &[3.0, 4.0]], &["-ot", "Byte"]);
    let file = |name: &str, bands: [&str; 3]| {
        let path = bench.text(name);
        run(Command::new("gdal_translate").args(["-q", "-b", "1", "-b", "1", "-b", "1", &pixels, &path])).expect(0);
        let mut text = fs::read_to_string(&path).unwrap();
        for (k, band) in bands.iter().enumerate() {
            let head = format!("<VRTRasterBand dataType=\"Byte\" band=\"{}\">", k + 1);
            assert!(text.contains(&head), "{text}");
            text = text.replace(&head, &format!("{head}<Description>{band}</Description>"));
        }
        fs::write(&path, text).unwrap();
        path
    };
    let first = file("a.vrt", ["red", "nir", "band 8"]);
    let (other, alike) = (file("b.vrt", ["red", "swir", "band 8"]), file("c.vrt", ["Red", "nir", "Band 8"]));
    let told = areal(["inspect", &first, &other])
        .expect(3)
        .says(&["differ in band descriptions: band 2 \"nir\" and band 2 \"swir\"", "--bands"]);
    assert!(told.stdout.contains("scene           none") && !told.stderr.contains("red"), "{}", told.stderr);
    let told = areal(["inspect", &first, &alike]).expect(0).stderr;
    let said =
        "write the names of bands differently (band 1 \"red\", band 3 \"band 8\"; band 1 \"Red\", band 3 \"Band 8\")";
    assert_eq!(told.matches(said).count(), 1, "it is said once: {told}");
}

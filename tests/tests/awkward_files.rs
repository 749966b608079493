//! Every awkward file: a right answer or a clear refusal, and never a crash.

use crate::common::{areal, data};

/// What `inspect` must come to.
enum Answer {
    /// It makes a scene: rows, columns, bands, pixel type, percentage of observed pixels within 0.01.
    Scene(u64, u64, usize, &'static str, f64),
    /// It is read and makes no scene, for a reason with this in it; the help names this.
    NoScene(&'static str, &'static str),
    /// It cannot be read, for a reason with this in it.
    Unreadable(&'static str),
}

use Answer::{NoScene, Scene, Unreadable};

const NO_CRS: (&str, &str) = ("no coordinate reference system", "gdal_translate -a_srs");
const WARP: &str = "--crs, --resolution and --resampling";

/// The share of observed pixels was counted with rasterio where a file has nodata, alpha or a mask; with numpy where nodata is a
/// colour, as pixels in which not all of red, green and blue hold it.
fn answers() -> Vec<(&'static str, Answer)> {
    vec![
        ("BigTIFF.tif", NoScene(NO_CRS.0, NO_CRS.1)),
        ("RGB.byte.gcp.vrt", NoScene("4 ground control points", WARP)),
        ("RGB.byte.tif", Scene(718, 791, 3, "u8", 67.457)),
        ("RGB2.byte.tif", Scene(718, 791, 3, "u8", 67.397)),
        ("RGB2.byte.tif.msk", NoScene(NO_CRS.0, NO_CRS.1)),
        ("RGBA.uint16.tif", Scene(411, 634, 3, "u16", 48.860)),
        ("all-nodata.tif", Scene(2475, 71, 4, "u16", 0.0)),
        ("alpha.tif", Scene(1223, 1223, 3, "u8", 1.550)),
        ("cogeo.tif", Scene(1024, 1024, 3, "u8", 100.0)),
        ("corrupt.tif", Unreadable("Read error at row 512, col 0")),
        ("float_nan.tif", NoScene(NO_CRS.0, NO_CRS.1)),
        ("float_raster_with_nodata.tif", Scene(12, 13, 1, "f32", 62.821)),
        ("gcp.tif", NoScene("210 ground control points", WARP)),
        ("geo-5b.tif", Scene(10, 10, 5, "i16", 100.0)),
        ("gradient-1c-64b-float.tiff", NoScene(NO_CRS.0, NO_CRS.1)),
        ("int16_zstd.tif", NoScene(NO_CRS.0, NO_CRS.1)),
        ("int8.tif", NoScene(NO_CRS.0, NO_CRS.1)),
        ("m_3607824_se_17_1_20160620_sub.tif", Scene(300, 300, 4, "u8", 100.0)),
        ("offset_scaled_tinymarble.tif", Scene(50, 100, 3, "u8", 100.0)),
        ("palette-1c-8b.tiff", NoScene(NO_CRS.0, NO_CRS.1)),
        ("planar-rgb-u8.tif", NoScene(NO_CRS.0, NO_CRS.1)),
        ("predictor-3-rgb-f32.tif", NoScene(NO_CRS.0, NO_CRS.1)),
        ("random-fp16.tiff", NoScene(NO_CRS.0, NO_CRS.1)),
        ("rgb1.tif", Scene(400, 400, 3, "u8", 68.310)),
        ("rgb1_fake_nir_epsg3857.tif", Scene(681, 676, 1, "u8", 65.044)),
        ("rgb2.tif", Scene(400, 392, 3, "u8", 69.483)),
        ("rotated.tif", NoScene("rotated by 30.0000 degrees", WARP)),
        ("tiled-jpeg-rgb-u8.tif", NoScene(NO_CRS.0, NO_CRS.1)),
        ("usda_naip_512_deflate_z2.tif", Scene(2048, 1024, 3, "u8", 1.946)),
        ("usda_naip_512_webp_z5.tif", Scene(16_384, 8192, 3, "u8", 1.5625)),
        ("world.byte.tif", Scene(1200, 2880, 1, "u8", 100.0)),
    ]
}

/// Pixels and percentage of observed ones of a file that makes a scene.
pub fn observed(name: &str) -> Option<(u64, f64)> {
    answers().into_iter().find(|(known, _)| *known == name).and_then(|(_, answer)| match answer {
        Scene(height, width, _, _, observed) => Some((height * width, observed)),
        NoScene(..) | Unreadable(_) => None,
    })
}

#[test]
fn every_variant_gets_a_right_answer_or_a_clear_refusal() {
    let Some(folder) = data("geotiff_variants") else { return };
    let answers = answers();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(answers.iter().any(|(known, _)| *known == name), "{name} has no answer in this test");
    }
    for (name, answer) in answers {
        let path = folder.join(name);
        let run = areal(["inspect", "--json", path.to_str().unwrap()]);
        match answer {
            Unreadable(reason) => {
                run.expect(3).says(&[name, reason]);
            }
            NoScene(reason, help) => {
                let document = run.expect(0).json();
                let text = |key: &str| document["refusal"][key].as_str().unwrap_or_default().to_owned();
                assert!(text("reason").contains(reason) && text("reason").contains(name), "{name}: {}", text("reason"));
                assert!(text("help").contains(help), "{name}: {}", text("help"));
                assert!(
                    document["scene"].is_null() && document["files"][0]["statistics"]["pixels"].is_object(),
                    "{name}"
                );
            }
            Scene(height, width, bands, pixel_type, observed) => {
                let document = run.expect(0).json();
                let scene = &document["scene"];
                let size = (scene["grid"]["height"].as_u64(), scene["grid"]["width"].as_u64());
                assert_eq!(size, (Some(height), Some(width)), "{name}");
                assert_eq!(scene["bands"].as_array().map(Vec::len), Some(bands), "{name}");
                assert_eq!(scene["pixel_type"], pixel_type, "{name}");
                let count = scene["statistics"]["pixels"]["observed"].as_u64().unwrap();
                let share = 100.0 * count as f64 / (height * width) as f64;
                assert!((share - observed).abs() < 0.01, "{name}: {share} % observed, not {observed} %");
            }
        }
    }
}

#[test]
fn types_are_told_apart_even_without_a_scene() {
    let Some(folder) = data("geotiff_variants") else { return };
    for (name, pixel_type) in [
        ("int8.tif", "i8"),
        ("int16_zstd.tif", "i16"),
        ("random-fp16.tiff", "f32"),
        ("gradient-1c-64b-float.tiff", "f64"),
        ("BigTIFF.tif", "u8"),
    ] {
        let path = folder.join(name);
        let document = areal(["inspect", "--json", path.to_str().unwrap()]).expect(0).json();
        assert_eq!(document["files"][0]["facts"]["bands"][0]["pixel_type"], pixel_type, "{name}");
    }
}

#[test]
fn a_warp_that_is_asked_for_places_gcp_files() {
    let Some(path) = data("geotiff_variants/gcp.tif") else { return };
    let flags = ["--crs", "EPSG:4326", "--resolution", "0.01", "--resampling", "nearest"];
    let document = areal([&["inspect", "--json", path.to_str().unwrap()], &flags[..]].concat()).expect(0).json();
    assert!(document["scene"]["statistics"]["pixels"]["observed"].as_u64().unwrap() > 0, "{}", document["scene"]);
}

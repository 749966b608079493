//! Scenes on another grid than their files': what is refused until it is asked for.

use areal_formats::{Resampling, SceneSettings};
use areal_grid::Pixels;
use areal_raster::{RasterError, Scene, WarpSetting};
use gdal::Gcp;

use crate::common::{Tiff, scene, utm};
use crate::warping::{warped, whole};

#[test]
fn what_warping_needs_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    let dataset = utm((50, 50), None, &[vec![1u8; 2500]]).write(&path);
    let mut table = gdal::raster::ColorTable::new(gdal::raster::PaletteInterpretation::Rgba);
    table.set_color_entry(1, &gdal::raster::ColorEntry::rgba(1, 2, 3, 255));
    dataset.rasterband(1).unwrap().set_color_table(&table);
    dataset.close().unwrap();
    let open = |s: &SceneSettings| Scene::open(s).unwrap_err();
    let mut settings = scene(&[&path]);
    settings.crs = Some("EPSG:32647".into());
    let error = open(&settings);
    let RasterError::WarpSetting { missing: WarpSetting::Resolution, suggestion: Some(suggestion), .. } = &error else {
        panic!("{error}")
    };
    // In the neighbouring zone, 5 degrees off its meridian, 10 m are some 10.2.
    assert!((10.0..10.6).contains(&suggestion.parse().unwrap()), "{suggestion}");
    settings.resolution = Some(10.0);
    let error = open(&settings);
    assert!(matches!(error, RasterError::WarpSetting { missing: WarpSetting::Resampling, .. }), "{error}");
    assert!(error.to_string().contains("that of the grid is EPSG:32647"), "{error}");
    settings.resampling = Some(Resampling::Bilinear);
    let error = open(&settings);
    assert!(matches!(error, RasterError::CategoricalResampling { band: 1, .. }), "{error}");
    settings.resampling = Some(Resampling::Nearest);
    Scene::open(&settings).unwrap();
    settings.resolution = Some(-1.0);
    assert!(open(&settings).to_string().contains("above 0"));
    settings.resolution = Some(1e-9);
    assert!(open(&settings).to_string().contains("that would be"));
    settings.crs = Some("EPSG:nonsense".into());
    assert!(matches!(open(&settings), RasterError::CrsText { .. }));
    settings.crs = Some("EPSG:4978".into());
    assert!(matches!(open(&settings), RasterError::UnsupportedCrs { .. }), "geocentric");
}

#[test]
fn rotated_and_gcp_files_are_refused_until_a_warp_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (turned, points) = (dir.path().join("turned.tif"), dir.path().join("points.tif"));
    let values: Vec<u8> = (0..40 * 40).map(|k| (k % 40) as u8 + 1).collect();
    // Rotated by 90 degrees: columns run south, rows run west.
    let quarter = [600_400.0, 0.0, -10.0, 1_700_000.0, -10.0, 0.0];
    Tiff {
        epsg: Some(32648),
        transform: Some(quarter),
        size: (40, 40),
        nodata: None,
        bands: std::slice::from_ref(&values),
    }
    .write(&turned)
    .close()
    .unwrap();
    let gcps: Vec<Gcp> = [(0.0, 0.0), (40.0, 0.0), (0.0, 40.0), (40.0, 40.0)]
        .iter()
        .map(|(col, row)| Gcp {
            id: format!("{col},{row}"),
            info: String::new(),
            pixel: *col,
            line: *row,
            x: 600_000.0 + 10.0 * col,
            y: 1_700_000.0 - 10.0 * row,
            z: 0.0,
        })
        .collect();
    let dataset =
        Tiff { epsg: None, transform: None, size: (40, 40), nodata: None, bands: std::slice::from_ref(&values) }
            .write(&points);
    dataset.set_gcps(gcps, &gdal::spatial_ref::SpatialRef::from_epsg(32648).unwrap()).unwrap();
    dataset.close().unwrap();

    assert!(matches!(Scene::open(&scene(&[&turned])), Err(RasterError::NotNorthUp { .. })));
    assert!(matches!(Scene::open(&scene(&[&points])), Err(RasterError::Gcps { count: 4, .. })));

    let mut settings = warped(&[&turned], "EPSG:32648", 10.0, Resampling::Nearest);
    settings.bounds = Some([600_000.0, 1_699_600.0, 600_400.0, 1_700_000.0]);
    let (_, block) = whole(&settings);
    // The value grows southwards instead of eastwards.
    let Pixels::U8(pixels) = &block.pixels else { panic!("pixel type") };
    assert!(pixels.iter().enumerate().all(|(k, v)| *v == (k / 40) as u8 + 1), "{pixels:?}");

    settings.files = vec![points];
    let (_, block) = whole(&settings);
    assert_eq!(block.pixels, Pixels::U8(values));
}

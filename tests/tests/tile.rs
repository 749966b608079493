//! `areal tile`: from scenes and labels to a patch store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use areal_grid::{Affine, PixelGrid, PixelState, PixelType, Pixels};
use areal_patches::{Label, PatchStore, Split};
use areal_raster::{
    CogBand, CogSpec, CogWriter, Feature, Field, FieldKind, FieldValue, Resampling, VectorLayer, crs_from_text,
    write_layer,
};
use geo::{Geometry, Point, Rect, coord};

use super::common::{Run, areal, data, run};

/// A folder of inputs made for a test.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A one-band scene of 10 m pixels whose values are `value(row, col)`; 65535 is nodata.
    pub fn scene(&self, name: &str, grid: &PixelGrid, value: impl Fn(usize, usize) -> u16) -> PathBuf {
        let values = (0..grid.height).flat_map(|r| (0..grid.width).map(move |c| (r, c)));
        self.raster(name, grid, Pixels::U16(values.map(|(r, c)| value(r, c)).collect()), 65535.0)
    }

    #[expect(clippy::needless_pass_by_value, reason = "each call makes its own")]
    pub fn raster(&self, name: &str, grid: &PixelGrid, pixels: Pixels, nodata: f64) -> PathBuf {
        let path = self.path(name);
        let spec = CogSpec {
            pixel_type: pixels.pixel_type(),
            nodata: Some(nodata),
            bands: vec![CogBand { description: "grey".into(), legend: Vec::new() }],
            metadata: Vec::new(),
            overview_resampling: Resampling::Nearest,
        };
        let mut writer = CogWriter::create(&path, grid, &spec).unwrap();
        writer.write(0, &grid.window(), &pixels).unwrap();
        writer.finish().unwrap();
        path
    }

    /// A layer in the CRS of `grid` with the text field `class`, the number field `value` and the text field `part`.
    pub fn layer(&self, name: &str, grid: &PixelGrid, shapes: &[(Geometry<f64>, &str, f64, &str)]) -> PathBuf {
        let path = self.path(name);
        let field = |name: &str, kind| Field { name: name.into(), kind };
        let feature = |(geometry, class, value, part): &(Geometry<f64>, &str, f64, &str)| Feature {
            fid: -1,
            geometry: Some(geometry.clone()),
            values: vec![FieldValue::Text((*class).into()), FieldValue::Real(*value), FieldValue::Text((*part).into())],
        };
        let layer = VectorLayer {
            name: "labels".into(),
            crs: Some(grid.crs.clone()),
            fields: vec![
                field("class", FieldKind::Text),
                field("value", FieldKind::Real),
                field("part", FieldKind::Text),
            ],
            features: shapes.iter().map(feature).collect(),
        };
        write_layer(&path, &layer).unwrap();
        path
    }

    /// Runs tile into `out`, paths in messages made short.
    pub fn tile(&self, out: &str, args: &[&str]) -> Run {
        let out = self.path(out);
        let mut all = vec!["tile", "--out", out.to_str().unwrap()];
        all.extend(args);
        let mut run = areal(all);
        let folder = format!("{}/", self.0.path().display());
        run.stderr = run.stderr.replace(&folder, "").replace(&folder.replace('/', "/ "), "");
        run
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub fn utm(zone: u32, origin: [f64; 2], height: usize, width: usize) -> PixelGrid {
    let crs = crs_from_text(&format!("EPSG:326{zone}")).unwrap();
    PixelGrid { crs, transform: Affine::north_up(origin, [10.0, 10.0]), height, width }
}

/// A rectangle of pixels of a grid: rows `r0..r1`, columns `c0..c1`.
pub fn rectangle(grid: &PixelGrid, [r0, c0, r1, c1]: [f64; 4]) -> Geometry<f64> {
    let (a, b) = (grid.transform.apply(r0, c0), grid.transform.apply(r1, c1));
    Rect::new(coord! { x: a[0], y: a[1] }, coord! { x: b[0], y: b[1] }).to_polygon().into()
}

/// Scene and labels of 40 x 60 pixels: forest in the west, water in the east.
pub fn halves(place: &Place) -> (PathBuf, PathBuf) {
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let scene = place.scene("scene.tif", &grid, |r, c| (r * 60 + c) as u16);
    let shapes = [
        (rectangle(&grid, [0.0, 0.0, 40.0, 30.0]), "forest", 1.0, "train"),
        (rectangle(&grid, [0.0, 30.0, 40.0, 60.0]), "water", 2.0, "test"),
    ];
    (scene, place.layer("labels.gpkg", &grid, &shapes))
}

fn class_names(store: &PatchStore) -> Vec<String> {
    let classes = store.meta().target.classes();
    let name = |label| match label {
        Label::Class(code) => classes.iter().find(|c| c.code == code).unwrap().name.clone(),
        Label::Value(_) => panic!("a value"),
    };
    store.records().iter().map(|r| name(r.label)).collect()
}

#[test]
fn every_pixel_is_in_exactly_one_patch() {
    let place = Place::new();
    let (scene, labels) = halves(&place);
    // 40 x 60 pixels in patches of 8: 5 x 8, of which the last column reaches 4 pixels past the scene.
    let run = place
        .tile(
            "store",
            &[
                text(&scene),
                "--labels",
                text(&labels),
                "--label-field",
                "class",
                "--patch-size",
                "8",
                "--min-valid",
                "0.1",
                "--min-label-fraction",
                "0.4",
            ],
        )
        .expect(0);
    insta::assert_snapshot!(run.stdout, @r"
    label       train  validation      test       all
    forest         14           2         4        20
    water          14           4         2        20
    all            28           6         6        40
    ");
    let store = PatchStore::open(&place.path("store")).unwrap();
    store.verify_splits().unwrap();
    assert_eq!(store.shape(), [40, 1, 8, 8]);
    let pixels: ndarray::Array4<u16> = ndarray_npy::read_npy(place.path("store/pixels.npy")).unwrap();
    let states: ndarray::Array3<u8> = ndarray_npy::read_npy(place.path("store/states.npy")).unwrap();
    let mut seen = BTreeSet::new();
    for (i, record) in store.records().iter().enumerate() {
        for r in 0..8 {
            for c in 0..8 {
                let (row, col) = (record.row as usize + r, record.col as usize + c);
                if col < 60 {
                    assert_eq!((pixels[[i, 0, r, c]], states[[i, r, c]]), ((row * 60 + col) as u16, 0));
                    assert!(seen.insert((row, col)));
                } else {
                    assert_eq!((pixels[[i, 0, r, c]], states[[i, r, c]]), (0, PixelState::Outside as u8));
                }
            }
        }
    }
    assert_eq!(seen.len(), 40 * 60);
    let names = class_names(&store);
    for (record, name) in store.records().iter().zip(names) {
        assert_eq!(name, if record.col < 28 { "forest" } else { "water" });
        // The fourth column of patches covers columns 24 to 31: 6 of forest, 2 of water.
        let expected = match record.col {
            24 => 0.75,
            56 => 0.5,
            _ => 1.0,
        };
        assert!((record.label_fraction - expected).abs() < 1e-12, "{record:?}");
    }
}

#[test]
fn splits_keep_the_buffer_between_them() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 200, 200);
    let scene = place.scene("scene.tif", &grid, |r, c| (r + c) as u16);
    let names = ["a", "b", "c"];
    let shapes: Vec<_> = (0i32..100)
        .map(|i| {
            let (r, c) = (f64::from(i / 10) * 20.0, f64::from(i % 10) * 20.0);
            (rectangle(&grid, [r, c, r + 20.0, c + 20.0]), names[i as usize % 3], 0.0, "train")
        })
        .collect();
    let labels = place.layer("labels.gpkg", &grid, &shapes);
    for (by, stride, buffer, seed) in [("block", "8", 0.0, "1"), ("block", "4", 35.0, "2"), ("group", "4", 20.0, "3")] {
        let out = format!("{by}{stride}");
        place
            .tile(
                &out,
                &[
                    text(&scene),
                    "--labels",
                    text(&labels),
                    "--label-field",
                    "class",
                    "--patch-size",
                    "8",
                    "--stride",
                    stride,
                    "--split-by",
                    by,
                    "--buffer",
                    &buffer.to_string(),
                    "--seed",
                    seed,
                ],
            )
            .expect(0);
        let store = PatchStore::open(&place.path(&out)).unwrap();
        store.verify_splits().unwrap();
        for split in Split::ALL {
            assert!(!store.indices(split).is_empty(), "{split}");
        }
        // Axis-parallel squares in metres: distances by hand.
        let all: Vec<_> =
            store.records().iter().zip(store.footprints().iter().map(areal_patches::Footprint::bounds)).collect();
        for (i, (a, p)) in all.iter().enumerate() {
            for (b, q) in &all[i + 1..] {
                let (dx, dy) = ((p[0] - q[2]).max(q[0] - p[2]), (p[1] - q[3]).max(q[1] - p[3]));
                let apart = dx.max(0.0).hypot(dy.max(0.0));
                let overlap = dx < 0.0 && dy < 0.0;
                assert!(a.split == b.split || (!overlap && apart >= buffer - 1e-6), "{a:?} {b:?}");
                assert!(by != "block" || a.block != b.block || a.split == b.split);
                assert!(by != "group" || a.group != b.group || a.split == b.split);
            }
        }
    }
}

#[test]
fn scenes_of_two_zones_keep_their_grids_and_share_no_ground_between_splits() {
    let place = Place::new();
    // The same ground seen from both sides of the border at 102 degrees east: 400 pixels of 10 m wide, 4 km.
    let (west, east) = (utm(47, [832_000.0, 200_000.0], 300, 300), utm(48, [165_000.0, 200_000.0], 300, 300));
    let a = place.scene("west.tif", &west, |r, c| (r + c) as u16);
    let b = place.scene("east.tif", &east, |r, c| (r + c) as u16);
    let shapes: Vec<_> = (0i32..225)
        .map(|i| {
            let (r, c) = (f64::from(i / 15) * 20.0, f64::from(i % 15) * 20.0);
            (rectangle(&west, [r, c, r + 20.0, c + 20.0]), ["a", "b"][i as usize % 2], 0.0, "train")
        })
        .collect();
    let labels = place.layer("labels.gpkg", &west, &shapes);
    let scenes = [format!("west={}", text(&a)), format!("east={}", text(&b))];
    place
        .tile(
            "store",
            &[
                "--scene",
                &scenes[0],
                "--scene",
                &scenes[1],
                "--labels",
                text(&labels),
                "--label-field",
                "class",
                "--patch-size",
                "10",
            ],
        )
        .expect(0);
    let store = PatchStore::open(&place.path("store")).unwrap();
    assert_eq!(store.meta().crs.as_ref().unwrap().name, "EPSG:4326");
    assert_eq!(store.meta().scenes[1].grid.transform, east.transform);
    store.verify_splits().unwrap();
    let of = |scene: &str| store.records().iter().filter(|r| r.scene == scene).count();
    assert!(of("west") > 100 && of("east") > 100, "{} {}", of("west"), of("east"));
    // Longitudes about 102, latitudes about 1.8.
    for f in store.footprints() {
        let [x, y] = f.centre();
        assert!((101.9..102.1).contains(&x) && (1.7..1.9).contains(&y), "{x} {y}");
    }
}

#[test]
fn a_point_gives_a_patch_centred_on_it() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 50, 50);
    let scene = place.scene("scene.tif", &grid, |r, c| (r * 50 + c) as u16);
    let mut points = Vec::new();
    for i in 0..20 {
        // Every 2.2 pixels along the diagonal, from pixel (2, 2) on.
        let [x, y] = grid.transform.apply(2.0 + 2.2 * f64::from(i), 2.0 + 2.2 * f64::from(i));
        points.push((Point::new(x, y).into(), "", f64::from(i) / 10.0, "train"));
    }
    let labels = place.layer("points.gpkg", &grid, &points);
    let run = place
        .tile(
            "store",
            &[
                text(&scene),
                "--labels",
                text(&labels),
                "--value-field",
                "value",
                "--patch-size",
                "8",
                "--split-by",
                "group",
                "--split",
                "1,0,0",
            ],
        )
        .expect(0);
    // Positions below 4 and above 46 leave the scene: numbers 0 (2.0) ... 18 (41.6), 19 (43.8).
    insta::assert_snapshot!(run.stdout, @r"
    label       train  validation      test       all
    value          19           0         0        19
    dropped        1  would reach past the scene
    ");
    let store = PatchStore::open(&place.path("store")).unwrap();
    for record in store.records() {
        let Label::Value(value) = record.label else { panic!() };
        let position = 2.0 + 22.0 * value;
        assert_eq!((record.row, record.col), ((position - 4.0).round() as i64, (position - 4.0).round() as i64));
    }
}

#[test]
fn a_label_raster_and_its_polygons_agree_on_real_data() {
    let Some(folder) = data("landsat7_chiapas") else { return };
    let place = Place::new();
    let scene = folder.join("LE70220491999322EDC01_stack.gtif");
    let size = ["--patch-size", "8", "--stride", "2", "--min-label-fraction", "0.2", "--split", "1,0,0"];
    let tile = |out: &str, labels: &str, more: &[&str]| {
        let labels = folder.join(labels);
        let mut args = vec![text(&scene), "--labels", text(&labels)];
        args.extend(size);
        args.extend(more);
        place.tile(out, &args).expect(0);
        PatchStore::open(&place.path(out)).unwrap()
    };
    let polygons = tile("polygons", "training_data.shp", &["--label-field", "class"]);
    let raster = tile("raster", "training_data.gtif", &["--classes", "1=forest,2=water,3=herbaceous,4=barren,5=urban"]);
    let patches = |store: &PatchStore| -> BTreeMap<(i64, i64), (String, u64)> {
        let names = class_names(store);
        let key = |(r, name): (&areal_patches::PatchRecord, String)| {
            ((r.row, r.col), (name, (r.label_fraction * 64.0).round() as u64))
        };
        store.records().iter().zip(names).map(key).collect()
    };
    let (a, b) = (patches(&polygons), patches(&raster));
    assert!(a.len() > 100, "{}", a.len());
    // One polygon of "barren" has the id 5 of "urban": the raster, made from ids, calls it urban.
    let differ: Vec<_> = a.iter().filter(|(k, v)| b.get(k) != Some(v)).collect();
    assert!(differ.iter().all(|(_, (name, _))| name == "barren"), "{differ:?}");
    assert!(differ.len() * 20 < a.len(), "{} of {}", differ.len(), a.len());
}

#[test]
fn two_dates_of_few_polygons_make_a_training_set() {
    let Some(folder) = data("landsat7_chiapas") else { return };
    let place = Place::new();
    let scene = |name: &str, file: &str| format!("{name}={}", text(&folder.join(file)));
    let (a, b) = (scene("1999", "LE70220491999322EDC01_stack.gtif"), scene("2002", "LE70220492002106EDC00_stack.gtif"));
    let labels = folder.join("training_data.shp");
    let args = [
        "--scene",
        &a,
        "--scene",
        &b,
        "--labels",
        text(&labels),
        "--label-field",
        "class",
        "--patch-size",
        "8",
        "--stride",
        "1",
        "--placement",
        "polygon",
        "--split-by",
        "group",
        "--bands",
        "1,2,3,4,5,6,7",
        "--quality-band",
        "8",
        "--quality-values",
        "2,4",
    ];
    let run = place.tile("store", &args).expect(0).says(&["without a patch in validation: urban"]);
    insta::assert_snapshot!(run.stdout, @r"
    label          train  validation      test       all
    barren            92          20        20       132
    forest           381          85        79       545
    herbaceous       166          38        26       230
    urban             56           0        16        72
    water             18           3         4        25
    all              713         146       145      1004
    dropped       20  would reach past the scene
    dropped      388  below the least valid fraction
    dropped       14  too near to another split
    ");
    let store = PatchStore::open(&place.path("store")).unwrap();
    store.verify_splits().unwrap();
    assert_eq!(store.meta().pixel_type, PixelType::I16);
    let mut split_of = BTreeMap::new();
    for record in store.records() {
        let group = record.group.clone().unwrap();
        assert_eq!(*split_of.entry(group).or_insert(record.split), record.split, "a polygon in two splits");
    }
    // The same seed gives the same bytes.
    place.tile("again", &args).expect(0);
    for file in ["pixels.npy", "states.npy", "patches.csv", "patches.gpkg", "store.json"] {
        let read = |folder: &str| std::fs::read(place.path(folder).join(file)).unwrap();
        assert!(read("store") == read("again"), "{file}");
    }
}

#[test]
fn a_scene_in_degrees_is_split_by_metres() {
    let Some(folder) = data("sentinel2_amazon") else { return };
    let place = Place::new();
    let (scene, labels) = (folder.join("sen2_12band_f32.tif"), folder.join("trainingPolygons_sen2.geojson"));
    place
        .tile(
            "store",
            &[
                text(&scene),
                "--labels",
                text(&labels),
                "--label-field",
                "class",
                "--patch-size",
                "8",
                "--stride",
                "4",
                "--block-size",
                "250",
                "--buffer",
                "60",
            ],
        )
        .expect(0);
    let store = PatchStore::open(&place.path("store")).unwrap();
    store.verify_splits().unwrap();
    assert!(store.len() > 40, "{}", store.len());
    // At 1.47 degrees south: 110,576 m a degree of latitude, 111,283 m a degree of longitude.
    let metres = |p: [f64; 4]| [p[0] * 111_283.0, p[1] * 110_576.0, p[2] * 111_283.0, p[3] * 110_576.0];
    let all: Vec<_> = store.records().iter().zip(store.footprints().iter().map(|f| metres(f.bounds()))).collect();
    for (i, (a, p)) in all.iter().enumerate() {
        for (b, q) in &all[i + 1..] {
            let (dx, dy) = ((p[0] - q[2]).max(q[0] - p[2]), (p[1] - q[3]).max(q[1] - p[3]));
            assert!(a.split == b.split || dx.max(0.0).hypot(dy.max(0.0)) > 59.9, "{a:?} {b:?}");
        }
    }
}

#[test]
fn numpy_reads_the_store() {
    let place = Place::new();
    let (scene, labels) = halves(&place);
    let args = [text(&scene), "--labels", text(&labels), "--label-field", "class", "--patch-size", "10"];
    place.tile("store", &args).expect(0);
    let program = "import numpy, sys\n\
        p = numpy.load(sys.argv[1] + '/pixels.npy', mmap_mode='r')\n\
        s = numpy.load(sys.argv[1] + '/states.npy', mmap_mode='r')\n\
        print(p.shape, p.dtype, p.flags.c_contiguous, s.shape, s.dtype, int(p[0, 0, 1, 2]))";
    let run = run(Command::new("python3").args(["-c", program]).arg(place.path("store")));
    if run.stderr.contains("No module named") {
        crate::common::skipped("numpy is not there");
        return;
    }
    assert_eq!(run.expect(0).stdout.trim(), "(24, 1, 10, 10) uint16 True (24, 10, 10) uint8 62");
}

#[test]
fn a_label_raster_on_another_grid_is_resampled_only_when_asked() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let scene = place.scene("scene.tif", &grid, |r, c| (r * 60 + c) as u16);
    // Pixels of 20 m, in the middle of which the halves meet: codes 3 and 7.
    let coarse =
        PixelGrid { transform: Affine::north_up([500_000.0, 100_000.0], [20.0, 20.0]), height: 20, width: 30, ..grid };
    let codes = (0..20 * 30).map(|i| if i % 30 < 15 { 3 } else { 7 }).collect();
    let labels = place.raster("codes.tif", &coarse, Pixels::U8(codes), 255.0);
    let args = [text(&scene), "--labels", text(&labels), "--patch-size", "10"];
    place.tile("store", &args).expect(3).says(&["does not lie on the pixel grid", "--label-resampling nearest"]);
    let args = [&args[..], &["--label-resampling", "nearest"]].concat();
    place.tile("store", &args).expect(0);
    let store = PatchStore::open(&place.path("store")).unwrap();
    assert_eq!(store.len(), 24);
    for (record, name) in store.records().iter().zip(class_names(&store)) {
        assert_eq!((name.as_str(), record.label_fraction), (if record.col < 30 { "3" } else { "7" }, 1.0));
    }
}

#[test]
fn class_folders_are_imported() {
    let place = Place::new();
    let picture = |name: &str, size: u32, shade: u8| {
        let path = place.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::from_pixel(size, size, image::Rgb([shade, 1, 2])).save(path).unwrap();
    };
    for i in 0..8 {
        picture(&format!("plain/forest/{i}.png"), 16, i);
        picture(&format!("plain/water/{i}.png"), 16, 100 + i);
        picture(&format!("parts/{}/forest/{i}.png", ["train", "val", "test"][usize::from(i) % 3]), 16, i);
    }
    let folder = place.path("plain");
    let run = place.tile("store", &["--from-folders", text(&folder)]).expect(0).says(&["not geographic"]);
    insta::assert_snapshot!(run.stdout, @r"
    label       train  validation      test       all
    forest          6           1         1         8
    water           6           1         1         8
    all            12           2         2        16
    ");
    let store = PatchStore::open(&place.path("store")).unwrap();
    assert_eq!((store.shape(), store.meta().crs.is_none()), ([16, 3, 16, 16], true));
    assert_eq!(store.records()[9].scene, "water/1.png");
    let (mut pixels, mut states) = (Pixels::zeros(PixelType::U8, 768), [PixelState::Outside; 256]);
    store.read_into(9, &mut pixels, 0, &mut states).unwrap();
    assert_eq!((pixels.get(0), pixels.get(256), pixels.get(767)), (101.0, 1.0, 2.0));

    let parts = place.path("parts");
    place.tile("parts_store", &["--from-folders", text(&parts)]).expect(0);
    let store = PatchStore::open(&place.path("parts_store")).unwrap();
    assert_eq!(Split::ALL.map(|s| store.indices(s).len()), [3, 3, 2]);

    picture("plain/water/z.png", 20, 9);
    place
        .tile("other", &["--from-folders", text(&folder)])
        .expect(3)
        .says(&["differ in size: 16 x 16 pixels and 20 x 20 pixels", "--resize PIXELS"]);
    for (size, said) in
        [("0", "(--resize) is 0; a patch has 1 to 4096"), ("100000", "(--resize) is 100000; a patch has")]
    {
        place.tile("big", &["--from-folders", text(&folder), "--resize", size]).expect(2).says(&[said]);
    }
    place.tile("other", &["--from-folders", text(&folder), "--resize", "12"]).expect(0);
    assert_eq!(PatchStore::open(&place.path("other")).unwrap().shape(), [17, 3, 12, 12]);
}

#[test]
fn images_that_are_passed_over_are_said_and_no_class_is_lost() {
    let place = Place::new();
    let picture = |name: &str| {
        let path = place.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([x as u8, y as u8, 7])).save(path).unwrap();
    };
    for i in 0..8 {
        picture(&format!("all/forest/{i}.png"));
        picture(&format!("all/water/{i}.png"));
    }
    let folder = place.path("all");
    std::fs::write(folder.join("water/9.webp"), "").unwrap();
    picture("all/water/more/10.png");
    picture("all/loose.png");
    place.tile("store", &["--from-folders", text(&folder)]).expect(0).says(&[
        "1 files in class folders passed over for their endings (1 .webp)",
        "1 folders inside class folders passed over",
        "1 images that lie in no class folder",
    ]);
    // A class that would have no image at all.
    std::fs::create_dir(folder.join("paddy")).unwrap();
    std::fs::write(folder.join("paddy/1.webp"), "").unwrap();
    place
        .tile("lost", &["--from-folders", text(&folder)])
        .expect(3)
        .says(&["paddy holds no image", "straight into its folder"]);
    for split in ["train", "val", "test"] {
        picture(&format!("parts/{split}/water/1.png"));
    }
    picture("parts/extra/water/1.png");
    place
        .tile("mixed", &["--from-folders", text(&place.path("parts"))])
        .expect(3)
        .says(&["folders of splits (test, train, val) and others beside them (extra)", "leave only train"]);
    assert!(!place.path("lost").exists() && !place.path("mixed").exists());
}

#[test]
fn splits_that_the_labels_name_may_not_touch() {
    let place = Place::new();
    let (scene, labels) = halves(&place);
    let args = [
        text(&scene),
        "--labels",
        text(&labels),
        "--label-field",
        "class",
        "--split-field",
        "part",
        "--patch-size",
        "8",
        "--stride",
        "4",
        "--quiet",
    ];
    let run = place.tile("store", &args).expect(3);
    insta::assert_snapshot!(run.stderr, @"the patch of label 1 at row 0, col 24 (train) and the patch of label 2 at row 0, col 28 (test) overlap, but are in different splits help: correct the split field of the labels so that neighbours agree, or let 'areal tile' assign splits with --split-by block");
    assert!(!place.path("store").exists());
    // Patches of whole polygons side by side touch, and that is allowed; but water is then tested and never trained on.
    let args = [
        text(&scene),
        "--labels",
        text(&labels),
        "--label-field",
        "class",
        "--split-field",
        "part",
        "--patch-size",
        "10",
        "--quiet",
    ];
    let run = place.tile("store", &args).expect(1);
    insta::assert_snapshot!(run.stderr, @r#"class "water" is in test, but no training patch has it help: use smaller blocks (--block-size), a smaller --buffer or another --seed, or --split-by group; label more places of this class, or leave it out of the labels"#);
}

#[test]
fn bad_input_is_refused_and_leaves_nothing() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let (scene, labels) = halves(&place);
    let other = utm(48, [900_000.0, 100_000.0], 40, 60);
    let far = place.layer("far.gpkg", &grid, &[(rectangle(&other, [0.0, 0.0, 9.0, 9.0]), "forest", 0.0, "train")]);
    let empty = place.layer("empty.gpkg", &grid, &[]);
    let nothing = place.scene("nothing.tif", &grid, |_, _| 65535);
    let coarse = PixelGrid { transform: Affine::north_up([500_000.0, 100_000.0], [20.0, 20.0]), ..grid.clone() };
    let coarse = place.scene("coarse.tif", &coarse, |_, _| 1);
    let two = [format!("a={}", text(&scene)), format!("b={}", text(&coarse))];
    let (scene, labels) = (text(&scene), text(&labels));
    let class = ["--label-field", "class"];
    let cases: Vec<(&str, Vec<&str>, i32, &[&str])> = vec![
        ("outside", vec![scene, "--labels", text(&far), class[0], class[1]], 3, &["lies outside every scene"]),
        (
            "no field",
            vec![scene, "--labels", labels, "--label-field", "clas"],
            2,
            &["no field \"clas\"", "class, value, part"],
        ),
        ("unnamed field", vec![scene, "--labels", labels], 2, &["no field of it is named", "class, value, part"]),
        ("empty", vec![scene, "--labels", text(&empty), class[0], class[1]], 3, &["empty.gpkg: it has no feature"]),
        (
            "large",
            vec![scene, "--labels", labels, class[0], class[1], "--patch-size", "128"],
            1,
            &["no patch is left", "--patch-size"],
        ),
        (
            "nodata",
            vec![text(&nothing), "--labels", labels, class[0], class[1], "--patch-size", "8"],
            1,
            &["no patch is left", "40 below the least valid fraction", "--min-valid"],
        ),
        ("stride", vec![scene, "--labels", labels, class[0], class[1], "--stride", "48"], 2, &["does not divide"]),
        (
            "scenes",
            vec!["--scene", &two[0], "--scene", &two[1], "--labels", labels, class[0], class[1]],
            3,
            &["scenes \"a\" and \"b\" differ in ground resolution", "--resolution"],
        ),
        (
            "same name",
            vec!["--scene", &two[0], "--scene", &two[0], "--labels", labels, class[0], class[1]],
            2,
            &["two scenes have the name \"a\""],
        ),
        (
            "class list",
            vec![scene, "--labels", labels, class[0], class[1], "--classes", "forest"],
            3,
            &["\"water\" (feature 2) is not in the class list (forest)", "--classes"],
        ),
        ("values", vec![scene, "--labels", labels, "--value-field", "value"], 3, &["read from points"]),
        ("shares", vec![scene, "--labels", labels, class[0], class[1], "--split", "0.5,0.2,0.2"], 2, &["not to 1"]),
        ("no labels", vec![scene], 2, &["no labels are given"]),
        ("missing", vec!["gone.tif", "--labels", labels, class[0], class[1]], 3, &["gone.tif"]),
    ];
    for (name, args, code, said) in cases {
        place.tile("store", &args).expect(code).says(said);
        assert!(!place.path("store").exists(), "{name}");
        let left: Vec<_> = std::fs::read_dir(place.0.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!left.iter().any(|n| n.to_string_lossy().starts_with('.')), "{name}: {left:?}");
    }
}

#[test]
fn an_output_that_stands_is_kept_unless_told_otherwise() {
    let place = Place::new();
    let (scene, labels) = halves(&place);
    let args = [text(&scene), "--labels", text(&labels), "--label-field", "class", "--patch-size", "10"];
    place.tile("store", &args).expect(0);
    place.tile("store", &args).expect(4).says(&["store exists already", "--overwrite"]);
    place.tile("store", &[&args[..], &["--overwrite"]].concat()).expect(0);
}

#[test]
fn a_store_of_one_class_is_made_with_a_warning() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 40);
    let scene = place.scene("scene.tif", &grid, |_, _| 1);
    let labels = place.layer("labels.gpkg", &grid, &[(rectangle(&grid, [0.0, 0.0, 40.0, 40.0]), "forest", 0.0, "")]);
    let args = [text(&scene), "--labels", text(&labels), "--label-field", "class", "--patch-size", "8"];
    place.tile("store", &args).expect(0).says(&["all patches are of one class, \"forest\""]);
}

#[test]
fn polygons_that_disagree_are_reported() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let scene = place.scene("scene.tif", &grid, |_, _| 1);
    let shapes = [
        (rectangle(&grid, [0.0, 0.0, 40.0, 32.0]), "forest", 1.0, ""),
        (rectangle(&grid, [0.0, 30.0, 40.0, 60.0]), "water", 2.0, ""),
    ];
    let labels = place.layer("labels.gpkg", &grid, &shapes);
    let args = [text(&scene), "--labels", text(&labels), "--label-field", "class", "--patch-size", "8"];
    // Two columns of 40 rows.
    place.tile("store", &args).expect(0).says(&["first 1 and 2; the 80 pixels that both claim count for neither"]);
}

//! `areal tile`: from scenes and labels to a patch store.

use std::collections::BTreeSet;

use areal_grid::PixelState;
use areal_store::{Label, PatchStore, Split};
use geo::Point;

use crate::common::labelled;
use crate::common::place::{Place, class_names, halves, rectangle, text, utm};

#[test]
fn every_pixel_is_in_exactly_one_patch() {
    let place = Place::new();
    let (scene, labels) = halves(&place);
    // 40 x 60 pixels in patches of 8: 5 x 8, of which the last column reaches 4 pixels past the scene.
    let run = place
        .tile("store", &labelled(&[text(&scene)], &labels, "--patch-size 8 --min-valid 0.1 --min-label-fraction 0.4"))
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
        let more = format!("--patch-size 8 --stride {stride} --split-by {by} --buffer {buffer} --seed {seed}");
        place.tile(&out, &labelled(&[text(&scene)], &labels, &more)).expect(0);
        let store = PatchStore::open(&place.path(&out)).unwrap();
        store.verify_splits().unwrap();
        for split in Split::ALL {
            assert!(!store.indices(split).is_empty(), "{split}");
        }
        // Axis-parallel squares in metres: distances by hand.
        let all: Vec<_> =
            store.records().iter().zip(store.footprints().iter().map(areal_store::Footprint::bounds)).collect();
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
        .tile("store", &labelled(&["--scene", &scenes[0], "--scene", &scenes[1]], &labels, "--patch-size 10"))
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
    dropped        1  would extend past the scene
    ");
    let store = PatchStore::open(&place.path("store")).unwrap();
    for record in store.records() {
        let Label::Value(value) = record.label else { panic!() };
        let position = 2.0 + 22.0 * value;
        assert_eq!((record.row, record.col), ((position - 4.0).round() as i64, (position - 4.0).round() as i64));
    }
}

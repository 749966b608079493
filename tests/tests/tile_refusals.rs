//! `areal tile`: what it refuses or says of labels, images and outputs.

use areal_grid::{Affine, PixelGrid, PixelState, PixelType, Pixels};
use areal_store::{PatchStore, Split};

use crate::common::labelled;
use crate::common::place::{Place, class_names, halves, rectangle, text, utm};

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
    place.tile("store", &args).expect(3).says(&["is not on the pixel grid", "--label-resampling nearest"]);
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
    for (size, said) in [("0", "(--resize) is 0; it must be 1 to 4096"), ("100000", "(--resize) is 100000; it must be")]
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
        "1 file in class folders skipped because of their extensions (1 .webp)",
        "1 folder inside class folders skipped",
        "1 image outside class folders skipped",
    ]);
    // A class that would have no image at all.
    std::fs::create_dir(folder.join("paddy")).unwrap();
    std::fs::write(folder.join("paddy/1.webp"), "").unwrap();
    place
        .tile("lost", &["--from-folders", text(&folder)])
        .expect(3)
        .says(&["paddy holds no image", "directly into its folder"]);
    for split in ["train", "val", "test"] {
        picture(&format!("parts/{split}/water/1.png"));
    }
    picture("parts/extra/water/1.png");
    place
        .tile("mixed", &["--from-folders", text(&place.path("parts"))])
        .expect(3)
        .says(&["mixes split folders (test, train, val) with other folders (extra)", "keep only train"]);
    assert!(!place.path("lost").exists() && !place.path("mixed").exists());
}

#[test]
fn splits_that_the_labels_name_may_not_touch() {
    let place = Place::new();
    let (scene, labels) = halves(&place);
    let args = labelled(&[text(&scene)], &labels, "--split-field part --patch-size 8 --stride 4 --quiet");
    let run = place.tile("store", &args).expect(3);
    insta::assert_snapshot!(run.stderr, @"the patch of label 1 at row 0, col 24 (train) and the patch of label 2 at row 0, col 28 (test) overlap, but are in different splits help: correct the split field of the labels so that neighbours agree, or let 'areal tile' assign splits with --split-by block");
    assert!(!place.path("store").exists());
    // Patches of whole polygons side by side touch, and that is allowed; but water is then tested and never trained on.
    let args = labelled(&[text(&scene)], &labels, "--split-field part --patch-size 10 --quiet");
    let run = place.tile("store", &args).expect(1);
    insta::assert_snapshot!(run.stderr, @r#"class "water" is in the test split, but no training patch has it help: use smaller blocks (--block-size), a smaller --buffer, another --seed, or --split-by group; otherwise label more places of this class, or remove it from the labels"#);
}

/// Runs `areal tile` with arguments that must fail, and checks that nothing is left.
#[track_caller]
fn refused(place: &Place, args: &[&str], code: i32, said: &[&str]) {
    place.tile("store", args).expect(code).says(said);
    assert!(!place.path("store").exists(), "{args:?}");
    let left: Vec<_> = std::fs::read_dir(place.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|n| n.to_string_lossy().starts_with('.')), "{args:?}: {left:?}");
}

#[test]
fn bad_labels_are_refused_and_leave_nothing() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let (scene, labels) = halves(&place);
    let other = utm(48, [900_000.0, 100_000.0], 40, 60);
    let far = place.layer("far.gpkg", &grid, &[(rectangle(&other, [0.0, 0.0, 9.0, 9.0]), "forest", 0.0, "train")]);
    let empty = place.layer("empty.gpkg", &grid, &[]);
    let (scene, labels, far, empty) = (text(&scene), text(&labels), text(&far), text(&empty));
    let class = ["--label-field", "class"];
    let of = |labels, more: &[&'static str]| [&[scene, "--labels", labels], more].concat();
    refused(&place, &of(far, &class), 3, &["is outside every scene"]);
    refused(&place, &of(labels, &["--label-field", "clas"]), 2, &["no field \"clas\"", "class, value, part"]);
    refused(&place, &of(labels, &[]), 2, &["needs a label field", "class, value, part"]);
    refused(&place, &of(empty, &class), 3, &["empty.gpkg: it has no feature"]);
    let said = ["\"water\" (feature 2) is not in the class list (forest)", "--classes"];
    refused(&place, &of(labels, &[class[0], class[1], "--classes", "forest"]), 3, &said);
    refused(&place, &of(labels, &["--value-field", "value"]), 3, &["read from points"]);
    refused(&place, &of(labels, &[class[0], class[1], "--split", "0.5,0.2,0.2"]), 2, &["not to 1"]);
    refused(&place, &[scene], 2, &["no labels are given"]);
}

#[test]
fn bad_scenes_are_refused_and_leave_nothing() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let (scene, labels) = halves(&place);
    let nothing = place.scene("nothing.tif", &grid, |_, _| 65535);
    let coarse = PixelGrid { transform: Affine::north_up([500_000.0, 100_000.0], [20.0, 20.0]), ..grid.clone() };
    let coarse = place.scene("coarse.tif", &coarse, |_, _| 1);
    let two = [format!("a={}", text(&scene)), format!("b={}", text(&coarse))];
    let (scene, labels, nothing) = (text(&scene), text(&labels), text(&nothing));
    let labelled = ["--labels", labels, "--label-field", "class"];
    let check = |files: &[&str], more: &[&str], code, said: &[&str]| {
        refused(&place, &[files, &labelled, more].concat(), code, said);
    };
    check(&[scene], &["--patch-size", "128"], 1, &["no patch remains", "--patch-size"]);
    let said = ["no patch remains", "40 below the minimum valid fraction", "--min-valid"];
    check(&[nothing], &["--patch-size", "8"], 1, &said);
    check(&[scene], &["--stride", "48"], 2, &["does not divide"]);
    let said = ["scenes \"a\" and \"b\" differ in ground resolution", "--resolution"];
    check(&["--scene", &two[0], "--scene", &two[1]], &[], 3, &said);
    check(&["--scene", &two[0], "--scene", &two[0]], &[], 2, &["two scenes have the name \"a\""]);
    check(&["gone.tif"], &[], 3, &["gone.tif"]);
}

#[test]
fn an_output_that_stands_is_kept_unless_told_otherwise() {
    let place = Place::new();
    let (scene, labels) = halves(&place);
    let args = labelled(&[text(&scene)], &labels, "--patch-size 10");
    place.tile("store", &args).expect(0);
    place.tile("store", &args).expect(4).says(&["store already exists", "--overwrite"]);
    let again = labelled(&[text(&scene)], &labels, "--patch-size 10 --overwrite");
    place.tile("store", &again).expect(0);
}

#[test]
fn a_store_of_one_class_is_made_with_a_warning() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 40);
    let scene = place.scene("scene.tif", &grid, |_, _| 1);
    let labels = place.layer("labels.gpkg", &grid, &[(rectangle(&grid, [0.0, 0.0, 40.0, 40.0]), "forest", 0.0, "")]);
    let args = labelled(&[text(&scene)], &labels, "--patch-size 8");
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
    let args = labelled(&[text(&scene)], &labels, "--patch-size 8");
    // Two columns of 40 rows.
    place.tile("store", &args).expect(0).says(&["first 1 and 2; 80 pixels covered by both count for neither"]);
}

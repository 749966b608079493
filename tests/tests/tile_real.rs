//! `areal tile` on real imagery, and its store read by NumPy.

use std::collections::BTreeMap;
use std::process::Command;

use areal_grid::PixelType;
use areal_store::PatchStore;

use crate::common::place::{Place, class_names, halves, text};
use crate::common::{data, labelled, oracle, run};

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
        let key = |(r, name): (&areal_store::PatchRecord, String)| {
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
    let more = "--patch-size 8 --stride 1 --placement polygon --split-by group --bands 1,2,3,4,5,6,7 --quality-band 8 \
                --quality-values 2,4";
    let args = labelled(&["--scene", &a, "--scene", &b], &labels, more);
    let run = place.tile("store", &args).expect(0).says(&["without a patch in validation: urban"]);
    insta::assert_snapshot!(run.stdout, @r"
    label          train  validation      test       all
    barren            92          20        20       132
    forest           381          85        79       545
    herbaceous       166          38        26       230
    urban             56           0        16        72
    water             18           3         4        25
    all              713         146       145      1004
    dropped       20  would extend past the scene
    dropped      388  below the minimum valid fraction
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
        .tile("store", &labelled(&[text(&scene)], &labels, "--patch-size 8 --stride 4 --block-size 250 --buffer 60"))
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
    let Some(python) = oracle("numpy") else { return };
    let place = Place::new();
    let (scene, labels) = halves(&place);
    let args = labelled(&[text(&scene)], &labels, "--patch-size 10");
    place.tile("store", &args).expect(0);
    let program = "import numpy, sys\n\
        p = numpy.load(sys.argv[1] + '/pixels.npy', mmap_mode='r')\n\
        s = numpy.load(sys.argv[1] + '/states.npy', mmap_mode='r')\n\
        print(p.shape, p.dtype, p.flags.c_contiguous, s.shape, s.dtype, int(p[0, 0, 1, 2]))";
    let run = run(Command::new(python).args(["-c", program]).arg(place.path("store")));
    assert_eq!(run.expect(0).stdout.trim(), "(24, 1, 10, 10) uint16 True (24, 10, 10) uint8 62");
}

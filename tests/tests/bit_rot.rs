//! Damaged files of outputs are seen, named, and stop what would use them.

use std::fs;

use crate::common::{JOB, JobCopy, areal, damage, interrupt_when_work_is_kept};

const MIB: u64 = 1 << 20;

#[test]
fn fault_39_a_flipped_bit_in_a_raster_stops_aggregate() {
    let job = JobCopy::new();
    let (map, zones, out) = (job.out("predictions/landscape"), job.file("districts.gpkg"), job.file("areas"));
    let file = format!("{map}/probabilities.tif");
    let bytes = fs::read(&file).unwrap();
    // In the last quarter lie tiles, whatever the layout.
    let at = bytes.len() * 3 / 4;
    damage(&file, at as u64, &[bytes[at] ^ 1]);
    let arguments = ["aggregate", "--prediction", &map, "--zones", &zones, "--zone-id", "district_id", "--out", &out];
    areal(arguments)
        .expect(3)
        .says(&["probabilities.tif was changed or damaged since areal wrote it", "verify --accept"]);
    assert!(!fs::exists(&out).unwrap());
    // The raster alone is of the same output.
    let raster = ["aggregate", "--raster", &file, "--content", "values", "--zones", &zones, "--zone-id", "district_id"];
    areal(raster.iter().chain(&["--out", &out])).expect(3).says(&["probabilities.tif was changed"]);
    // `run` makes it again.
    areal(["run", &job.file("recipe.toml")]).expect(0).says(&[
        "predict landscape: output changed since it was made",
        "probabilities.tif was changed since areal wrote it; kept as",
        "aggregate landscape: inputs and settings unchanged",
    ]);
    assert!(fs::read(&file).unwrap() == bytes);
}

#[test]
fn fault_39_zeroed_pixels_stop_train_and_evaluate_with_the_block() {
    let job = JobCopy::new();
    let (store, bundle, out) = (job.out("patches"), job.out("bundle"), job.file("made"));
    let pixels = format!("{store}/pixels.npy");
    let blocks = fs::metadata(&pixels).unwrap().len().div_ceil(MIB);
    assert!(blocks > 1, "the demo's store is too small for this test");
    damage(&pixels, MIB + 1000, &vec![0; 400_000]);
    let block = format!("block 2 of {blocks} (bytes 1048576 to");
    let words = [block.as_str(), "pixels.npy was changed or damaged"];
    areal(["train", "--store", &store, "--out", &out, "--epochs", "1"]).expect(3).says(&words);
    areal(["evaluate", "--store", &store, "--bundle", &bundle]).expect(3).says(&words);
    assert!(!fs::exists(&out).unwrap());
}

#[test]
fn fault_39_a_digit_in_the_history_of_a_checkpoint_stops_train() {
    let folder = tempfile::tempdir().unwrap();
    let (store, out) = (JOB.out().join("patches"), folder.path().join("bundle"));
    let (store, bundle) = (store.to_str().unwrap(), out.to_str().unwrap());
    let words = ["train", "--store", store, "--out", bundle, "--epochs", "2"];
    let checkpoint = folder.path().join(".bundle.checkpoint");
    interrupt_when_work_is_kept(folder.path(), words, &checkpoint);
    let history = checkpoint.join("history.json");
    let whole = fs::read_to_string(&history).unwrap();
    fs::write(&history, whole.replacen("\"epoch\": 1", "\"epoch\": 9", 1)).unwrap();
    areal(["verify", checkpoint.to_str().unwrap()]).expect(3);
    areal(words).expect(3).says(&["history.json was changed or damaged since areal wrote it", "--restart"]);
    // Without a manifest the row itself is wrong.
    fs::remove_file(checkpoint.join("areal-manifest.json")).unwrap();
    areal(words).expect(3).says(&["history.json", "row 1 is of epoch 9", "--restart"]);
    // A checkpoint of 0.1.0 has its history in another file.
    fs::remove_file(&history).unwrap();
    fs::write(checkpoint.join("history.toml"), "").unwrap();
    let state = fs::read_to_string(checkpoint.join("state.json")).unwrap();
    fs::write(checkpoint.join("state.json"), state.replace("areal-checkpoint/2", "areal-checkpoint/1")).unwrap();
    areal(words).expect(3).says(&["areal-checkpoint/1", "--restart"]);
    areal(words.iter().chain(&["--restart"])).expect(0);
    assert!(out.join("metrics.csv").exists() && !checkpoint.exists());
}

#[test]
fn fault_39_verify_names_every_file_that_is_not_as_it_was() {
    let whole = areal(["verify", JOB.demo().to_str().unwrap()]).expect(0);
    for file in ["patches/pixels.npy", "report.html", "scene_west.tif", "landscape/classes.tif"] {
        assert!(whole.stdout.lines().any(|line| line.starts_with("ok ") && line.ends_with(file)), "{}", whole.stdout);
    }
    let job = JobCopy::new();
    damage(&job.out("patches/states.npy"), 500, &[9]);
    fs::remove_file(job.out("patches/store.json")).unwrap();
    fs::write(job.out("patches/notes.txt"), "mine").unwrap();
    fs::write(job.out("bundle/card.md"), "another card").unwrap();
    let (store, bundle) = (job.out("patches"), job.out("bundle"));
    let said = areal(["verify", &store, &bundle]).expect(3).says(&["2 of", "changed or missing"]);
    for line in
        ["changed", "missing", "foreign", "edited"].iter().zip(["states.npy", "store.json", "notes.txt", "card.md"])
    {
        let found = |text: &&str| text.starts_with(line.0) && text.contains(line.1);
        assert_eq!(said.stdout.lines().filter(found).count(), 1, "{line:?}:\n{}", said.stdout);
    }
    let json = areal(["verify", &store, "--json"]).expect(3).json();
    let states: Vec<_> = json["files"].as_array().unwrap().iter().map(|f| f["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["ok", "foreign", "ok", "ok", "ok", "changed", "missing"]);
    // A single file has a note beside it; one of the demo's inputs has none.
    let report = JOB.demo().join("out/report.html");
    assert!(areal(["verify", report.to_str().unwrap()]).expect(0).stdout.starts_with("ok "));
    let scene = JOB.demo().join("recipe.toml");
    areal(["verify", scene.to_str().unwrap()]).expect(3).says(&["recipe.toml contains no output"]);
    areal(["verify", "nofolder"]).expect(3).says(&["nofolder does not exist"]);
    areal(["verify", tempfile::tempdir().unwrap().path().to_str().unwrap()])
        .expect(3)
        .says(&["no output with a manifest"]);
}

#[test]
fn a_change_on_purpose_is_accepted_and_kept() {
    let job = JobCopy::new();
    let (store, bundle) = (job.out("patches"), job.out("bundle"));
    let table = format!("{store}/patches.csv");
    // A test patch more for training.
    let text = fs::read_to_string(&table).unwrap();
    fs::write(&table, text.replacen("test", "train", 1)).unwrap();
    let evaluate = || areal(["evaluate", "--store", &store, "--bundle", &bundle]);
    evaluate().expect(3).says(&["patches.csv was changed"]);
    areal(["verify", &store, "--accept"]).expect(0);
    evaluate().expect(0);
    // Another map ends it at the estimate: the sample is of this one.
    areal(["run", &job.file("recipe.toml"), "--force", "--set", "train.epochs=1"]).says(&["patches.csv.kept-1"]);
}

/// Writes a code into one predicted cell of a raster of classes.
fn recode(path: &str, code: u8) {
    let copied = format!("{path}.copy");
    let source = gdal::Dataset::open(path).unwrap();
    let driver = gdal::DriverManager::get_driver_by_name("GTiff").unwrap();
    let copy = source.create_copy(&driver, &copied, &gdal::raster::RasterCreationOptions::default()).unwrap();
    let mut band = copy.rasterband(1).unwrap();
    let mut cells = band.read_band_as::<u8>().unwrap();
    *cells.data_mut().iter_mut().find(|cell| **cell != 255).unwrap() = code;
    band.write((0, 0), cells.shape(), &mut cells).unwrap();
    copy.close().unwrap();
    drop(source);
    fs::rename(copied, path).unwrap();
}

/// `aggregate` blamed states.tif for a hole in classes.tif, and `sample` said that the map holds code 9.
#[test]
fn the_damaged_file_of_a_prediction_is_named_not_the_one_that_it_contradicts() {
    let job = JobCopy::new();
    let (map, zones, out) = (job.out("predictions/landscape"), job.file("districts.gpkg"), job.file("made"));
    let (design, labels) = (job.out("samples/landscape"), job.file("labels/landscape.csv"));
    let classes = format!("{map}/classes.tif");
    let aggregate = ["aggregate", "--prediction", &map, "--zones", &zones, "--zone-id", "district_id", "--out", &out];
    let sample = ["sample", "--prediction", &map, "--size", "120", "--out", &out];
    let estimate = ["estimate", "--prediction", &map, "--design", &design, "--sample", &labels, "--out", &out];
    let kept = fs::read(&classes).unwrap();
    for code in [9, 255] {
        fs::write(&classes, &kept).unwrap();
        recode(&classes, code);
        for command in [&aggregate[..], &sample, &estimate] {
            areal(command).expect(3).says(&["classes.tif was changed or damaged since areal wrote it"]);
            assert!(!fs::exists(&out).unwrap());
        }
    }
    // Without a manifest both files are named, and a code that is no class is not counted as one.
    fs::remove_file(format!("{map}/areal-manifest.json")).unwrap();
    areal(aggregate)
        .expect(3)
        .says(&["states.tif says state 0 of a cell that is empty", "one of the two files is damaged"]);
    fs::write(&classes, &kept).unwrap();
    recode(&classes, 9);
    areal(aggregate).expect(3).says(&["classes.tif", "holds code 9, which is not a class of its legend"]);
}

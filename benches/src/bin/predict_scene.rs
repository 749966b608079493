//! Measures `areal predict` end to end on a scene of any size: seconds, patches/s, Mpix/s, and the most memory it held.
//!
//! The scene is a VRT that repeats one compressed tile, so that it takes no disk; every pixel is still decoded. Usage:
//! `predict-scene PROGRAM FOLDER SIDE [SHARE] [FLAG ..] [-- FLAG ..] ..`: the path of `areal`, a folder to work in, rows and
//! columns of the scene, the share of its tiles that hold data (1 without), and flags for `areal predict`. With `--`, so
//! many ways of predicting the scene are alternated, and each is compared with the first. `ROUNDS` in the environment says
//! how often (1 without), `ARCHITECTURE` names the network (`compact` without).

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use areal_benches::random_bundle;
use areal_formats::{Architecture, Resampling, SceneSettings};
use areal_grid::{Affine, PixelGrid, PixelType, Pixels, Window};
use areal_raster::{CogBand, CogSpec, CogWriter, Scene, crs_from_text};

const TILE: usize = 2048;
const BANDS: usize = 4;

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [program, folder, side, rest @ ..] = args.as_slice() else {
        return Err("usage: predict-scene PROGRAM FOLDER SIDE [SHARE] [FLAG ..] [-- FLAG ..] ..".into());
    };
    let (share, flags) = match rest.split_first() {
        Some((share, flags)) if !share.starts_with('-') => (share.parse()?, flags),
        _ => (1.0, rest),
    };
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder)?;
    let scene = make_scene(folder, side.parse()?, share)?;
    let architecture = std::env::var("ARCHITECTURE").map_or(Ok(Architecture::Compact), |name| name.parse())?;
    random_bundle(&folder.join("bundle"), &scene, architecture)?;
    let rounds = std::env::var("ROUNDS").map_or(Ok(1), |rounds| rounds.parse())?;
    let ways: Vec<&[String]> = flags.split(|flag| flag == "--").collect();
    let mut found = vec![Vec::new(); ways.len()];
    for _ in 0..rounds {
        for (flags, found) in ways.iter().zip(&mut found) {
            found.push(measure(Path::new(program), folder, flags)?);
        }
    }
    if ways.len() > 1 {
        compare(&ways, &found);
    }
    Ok(())
}

/// What a run took.
#[derive(Debug, Clone, Copy)]
struct Taken {
    /// Wall seconds.
    seconds: f64,
    /// Processor seconds of all threads.
    cpu: f64,
}

/// Medians, and their ratios to those of the first way.
fn compare(ways: &[&[String]], found: &[Vec<Taken>]) {
    let median = |found: &[Taken], of: fn(&Taken) -> f64| {
        let mut all: Vec<f64> = found.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let medians = |found: &Vec<Taken>| [median(found, |t| t.seconds), median(found, |t| t.cpu)];
    let first = found.first().map_or([f64::NAN; 2], medians);
    for (flags, found) in ways.iter().zip(found) {
        let [seconds, cpu] = medians(found);
        let ratios = [seconds / first[0], cpu / first[1]].map(|r| format!("{r:.2}")).join(" and ");
        println!("{}: {seconds:.2} s, {cpu:.2} CPU s; {ratios} x the first", flags.join(" "));
    }
}

/// `scene.vrt` of `side` x `side` pixels; a tile holds data when its number falls into the share.
fn make_scene(folder: &Path, side: usize, share: f64) -> Fallible<Scene> {
    let grid = PixelGrid {
        crs: crs_from_text("EPSG:32648")?,
        transform: Affine::north_up([300_000.0, 900_000.0], [10.0, 10.0]),
        height: TILE,
        width: TILE,
    };
    let band = |b: usize| CogBand { description: format!("band {b}"), legend: Vec::new() };
    let spec = CogSpec {
        pixel_type: PixelType::U16,
        nodata: Some(0.0),
        bands: (1..=BANDS).map(band).collect(),
        metadata: Vec::new(),
        overview_resampling: Resampling::Average,
    };
    let mut writer = CogWriter::create(&folder.join("tile.tif"), &grid, &spec)?;
    for b in 0..BANDS {
        let value = |k: usize| 500 + ((k / TILE / 16 + k % TILE / 16 + b) % 40 * 60 + k * 2_654_435 % 97) as u16;
        let pixels = Pixels::U16((0..TILE * TILE).map(value).collect());
        writer.write(b, &Window::new(0, 0, TILE, TILE), &pixels)?;
    }
    writer.finish()?;
    let path = folder.join("scene.vrt");
    std::fs::write(&path, vrt(&grid, side, share)?)?;
    Ok(Scene::open(&SceneSettings::new("scene", vec![path]))?)
}

fn vrt(grid: &PixelGrid, side: usize, share: f64) -> Fallible<String> {
    let transform = grid.transform.to_gdal().map(|c| format!("{c:.6}")).join(", ");
    let mut text = format!("<VRTDataset rasterXSize=\"{side}\" rasterYSize=\"{side}\">\n<SRS>EPSG:32648</SRS>\n");
    writeln!(text, "<GeoTransform>{transform}</GeoTransform>")?;
    for band in 1..=BANDS {
        writeln!(text, "<VRTRasterBand dataType=\"UInt16\" band=\"{band}\" blockXSize=\"512\" blockYSize=\"512\">")?;
        writeln!(text, "<Description>band {band}</Description><NoDataValue>0</NoDataValue>")?;
        let tiles = side.div_ceil(TILE);
        for (row, col) in (0..tiles * tiles).map(|n| (n / tiles, n % tiles)) {
            // Multiples of the golden ratio fall evenly.
            if ((row * tiles + col) as f64 * 0.618_033_988_75).fract() >= share {
                continue;
            }
            let (y, x) = (row * TILE, col * TILE);
            let (h, w) = (TILE.min(side - y), TILE.min(side - x));
            writeln!(
                text,
                "<SimpleSource><SourceFilename relativeToVRT=\"1\">tile.tif</SourceFilename>\
                 <SourceBand>{band}</SourceBand><SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{w}\" ySize=\"{h}\"/>\
                 <DstRect xOff=\"{x}\" yOff=\"{y}\" xSize=\"{w}\" ySize=\"{h}\"/></SimpleSource>"
            )?;
        }
        writeln!(text, "</VRTRasterBand>")?;
    }
    text.push_str("</VRTDataset>\n");
    Ok(text)
}

fn measure(program: &Path, folder: &Path, flags: &[String]) -> Fallible<Taken> {
    let mut command = Command::new(program);
    command.arg("predict").arg(folder.join("scene.vrt")).arg("--bundle").arg(folder.join("bundle"));
    command.arg("--out").arg(folder.join("prediction")).args(["--overwrite", "--json"]).args(flags);
    let start = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let (status, stat) = (format!("/proc/{}/status", child.id()), format!("/proc/{}/stat", child.id()));
    let (mut peak, mut cpu) = (String::new(), 0.0);
    let code = loop {
        // The kernel keeps the high-water mark; the last look before the end is all but the end's.
        if let Some(line) = std::fs::read_to_string(&status).ok().and_then(|s| high_water(&s)) {
            peak = line;
        }
        if let Some(seconds) = std::fs::read_to_string(&stat).ok().and_then(|s| processor_seconds(&s)) {
            cpu = seconds;
        }
        match child.try_wait()? {
            Some(code) => break code,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    if !code.success() {
        return Err(format!("areal predict ended with {code}").into());
    }
    let report: serde_json::Value = serde_json::from_reader(child.stdout.take().ok_or("areal predict said nothing")?)?;
    let patches = report["patches"].as_u64().unwrap_or(0) as f64;
    let states = ["observed", "nodata", "masked", "outside"];
    let pixels: u64 = states.iter().filter_map(|s| report["pixels"][s].as_u64()).sum();
    println!("{}: pixels {pixels}, patches {patches}, seconds {seconds:.1}, CPU seconds {cpu:.1}", flags.join(" "));
    println!("{:.1} patches/s, {:.2} Mpix/s, peak memory {peak}", patches / seconds, pixels as f64 / 1e6 / seconds);
    Ok(Taken { seconds, cpu })
}

/// User and system time of a process, as its `stat` counts them: in hundredths of a second.
fn processor_seconds(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

fn high_water(status: &str) -> Option<String> {
    status.lines().find_map(|l| l.strip_prefix("VmHWM:")).map(|v| v.trim().to_owned())
}

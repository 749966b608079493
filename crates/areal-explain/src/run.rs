//! Explanation of patches into a folder: maps, images and a table.

use std::collections::HashSet;
use std::path::Path;

use areal_formats::{ExplainMeta, MADE_BY, Provenance, Resampling};
use areal_grid::{PixelState, PixelType, Pixels, Target};
use areal_job::{Job, StagedDir, Unit, write_json};
use areal_model::{Bundle, StateDict, WEIGHTS_FILE};
use areal_raster::{CogBand, CogSpec, CogWriter, input_file_with_companions};
use serde::{Deserialize, Serialize};

use crate::explainer::{Explainer, Saliency, Score, randomised};
use crate::image::{overlay, rgb_bands, side_by_side, true_colour};
use crate::subject::Subject;
use crate::{ExplainError, ExplainSettings, Method};

/// One row of `saliency.csv`: a patch explained by a method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaliencyRow {
    pub id: String,
    pub method: Method,
    /// Name of the scene; empty for an imported image, as the next four.
    pub scene: Option<String>,
    /// First row of the patch in the scene, pixels.
    pub row: Option<usize>,
    /// First column of the patch in the scene, pixels.
    pub col: Option<usize>,
    /// Longitude of the patch's centre, degrees.
    pub lon: Option<f64>,
    /// Latitude of the patch's centre, degrees.
    pub lat: Option<f64>,
    /// Code of the class explained; empty for a value, as the next.
    pub class_code: Option<u8>,
    /// Name of the class explained.
    pub class_name: Option<String>,
    pub logit: f64,
    /// Its probability, 0 to 1; of a value, the predicted value.
    pub result: f64,
    /// Sum of the map as computed: of the feature maps' size for Grad-CAM and `HiResCAM`.
    pub map_sum: f64,
    /// `HiResCAM` only: |sum - (logit - bias)|, 0 up to rounding.
    pub completeness_error: Option<f64>,
    /// Area under the deletion curve; low is good.
    pub deletion_auc: f64,
    /// Area under the insertion curve; high is good.
    pub insertion_auc: f64,
    /// Rank correlation with the map when the head's weights are random; near 0 is good. None where a map has
    /// no spread.
    pub random_head_correlation: Option<f64>,
    /// Rank correlation with the map when all weights are random; near 0 is good. None where a map has
    /// no spread.
    pub random_all_correlation: Option<f64>,
    /// File name of the image.
    pub png: String,
    /// File name of the map; empty for an imported image.
    pub tif: Option<String>,
}

/// The network that is explained, and those that its maps are compared with.
struct Networks {
    trained: Explainer,
    random_head: Explainer,
    random_all: Explainer,
    bias: Vec<f64>,
}

impl Networks {
    fn load(bundle: &Path, settings: &ExplainSettings) -> Result<Self, ExplainError> {
        // Loading the bundle checks its digests; the weights themselves are needed by name.
        let spec = Bundle::load(bundle, &areal_model::DeviceChoice::Cpu.open()?)?.spec;
        let state = StateDict::read(&bundle.join(WEIGHTS_FILE))?;
        let [head, all] = randomised(&spec, &state, settings.seed)?;
        let trained = Explainer::new(spec.clone(), &state, settings.device)?;
        let bias = (0..spec.target.outputs()).map(|k| trained.bias(k)).collect::<Result<_, _>>()?;
        Ok(Self {
            trained,
            random_head: Explainer::new(spec.clone(), &head, settings.device)?,
            random_all: Explainer::new(spec, &all, settings.device)?,
            bias,
        })
    }
}

/// Explains patches into the folder `out`: for each a GeoTIFF with one band per method and an image for each method;
/// `saliency.csv` and `explain.json`.
///
/// # Errors
/// When there is nothing to explain, the bundle cannot be used, or the output cannot be written.
pub fn explain(
    subjects: &[Subject],
    bundle: &Path,
    inputs: &[std::path::PathBuf],
    settings: &ExplainSettings,
    out: &Path,
    job: &Job<'_>,
) -> Result<Vec<SaliencyRow>, ExplainError> {
    if subjects.is_empty() {
        return Err(ExplainError::Nothing);
    }
    let networks = Networks::load(bundle, settings)?;
    let spec = networks.trained.spec().clone();
    settings.check(spec.patch_size)?;
    let output = output_of(&spec.target, settings.class.as_deref())?;
    let rgb = rgb_bands(&settings.rgb, &spec.bands)?;
    let folder = StagedDir::new(out, settings.overwrite)?;
    let task = job.task("explain", Some(subjects.len() as u64), Unit::Patches);
    let mut rows = Vec::new();
    for (subject, stem) in subjects.iter().zip(file_stems(subjects.iter().map(|s| s.name.as_str()))) {
        job.check()?;
        let score = networks.trained.score(&subject.patch, output.or(subject.output))?;
        let maps = maps(&networks, subject, &score, settings)?;
        for (method, saliency) in &maps {
            let row = row(&networks, (subject, &stem), &score, (*method, saliency), settings)?;
            write_image(&folder, &row.png, subject, &saliency.map, rgb)?;
            rows.push(row);
        }
        write_map(&folder, &stem, subject, &maps)?;
        task.advance(1);
    }
    write_table(&folder, &rows)?;
    let meta = ExplainMeta {
        format: ExplainMeta::FORMAT.to_owned(),
        target: spec.target,
        patches: subjects.iter().map(|s| s.name.clone()).collect(),
        provenance: Provenance {
            made_by: MADE_BY.to_owned(),
            command: "explain".to_owned(),
            inputs: inputs.iter().map(|p| input_file_with_companions(p)).collect::<Result<_, _>>()?,
            settings: serde_json::to_value(settings).map_err(|e| areal_job::FileError::io("write", out)(e.into()))?,
            seed: Some(settings.seed),
        },
    };
    write_json(&folder.file(ExplainMeta::FILE), &meta)?;
    folder.commit()?;
    Ok(rows)
}

fn output_of(target: &Target, class: Option<&str>) -> Result<Option<usize>, ExplainError> {
    let Some(name) = class else { return Ok(None) };
    let found = target.classes().iter().position(|c| c.name == name);
    found.map(Some).ok_or_else(|| ExplainError::Setting {
        what: "the class",
        value: format!("\"{name}\""),
        expected: "it must be one of the model's",
    })
}

fn maps(
    networks: &Networks,
    subject: &Subject,
    score: &Score,
    settings: &ExplainSettings,
) -> Result<Vec<(Method, Saliency)>, ExplainError> {
    let window = settings.window_of(subject.patch.shape[3]);
    let of = |method: &Method| Ok((*method, networks.trained.saliency(&subject.patch, score.output, *method, window)?));
    settings.methods.iter().map(of).collect()
}

fn row(
    networks: &Networks,
    (subject, stem): (&Subject, &str),
    score: &Score,
    (method, saliency): (Method, &Saliency),
    settings: &ExplainSettings,
) -> Result<SaliencyRow, ExplainError> {
    let window = settings.window_of(subject.patch.shape[3]);
    let correlation =
        |with: &Explainer| with.correlation_with(&subject.patch, score.output, method, window, &saliency.map);
    let map_sum = saliency.raw.iter().map(|v| f64::from(*v)).sum::<f64>();
    let trained = &networks.trained;
    let (deletion_auc, insertion_auc) =
        trained.deletion_insertion(&subject.patch, score.output, &saliency.map, settings.steps)?;
    let class = trained.spec().target.classes().get(score.output);
    let place = subject.place.as_ref();
    let lonlat = place.map(crate::subject::PatchPlace::lonlat).transpose()?;
    Ok(SaliencyRow {
        id: subject.name.clone(),
        method,
        scene: place.map(|p| p.scene.clone()),
        row: place.map(|p| p.window.row),
        col: place.map(|p| p.window.col),
        lon: lonlat.map(|p| p[0]),
        lat: lonlat.map(|p| p[1]),
        class_code: class.map(|c| c.code),
        class_name: class.map(|c| c.name.clone()),
        logit: score.logit,
        result: score.result,
        map_sum,
        completeness_error: (method == Method::HiresCam)
            .then(|| (map_sum - (score.logit - networks.bias[score.output])).abs()),
        deletion_auc,
        insertion_auc,
        random_head_correlation: correlation(&networks.random_head)?,
        random_all_correlation: correlation(&networks.random_all)?,
        png: format!("{stem}-{method}.png"),
        tif: place.map(|_| format!("{stem}.tif")),
    })
}

/// File names without extension, one per patch, distinct even where letter case is ignored. Characters of a class name that
/// a file name may not have are replaced.
fn file_stems<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    let unique = |name: &str| {
        let plain: String = name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let mut stem = plain.clone();
        let mut n = 1;
        while !taken.insert(stem.to_lowercase()) {
            n += 1;
            stem = format!("{plain}_{n}");
        }
        stem
    };
    names.map(unique).collect()
}

fn write_image(
    folder: &StagedDir,
    name: &str,
    subject: &Subject,
    map: &ndarray::Array2<f32>,
    rgb: [usize; 3],
) -> Result<(), ExplainError> {
    let base = true_colour(&subject.patch, rgb);
    let over = overlay(&base, map);
    let path = folder.file(name);
    side_by_side(&[base, over], subject.patch.shape[3])
        .save(&path)
        .map_err(|source| ExplainError::Image { path, source })
}

fn write_map(
    folder: &StagedDir,
    stem: &str,
    subject: &Subject,
    maps: &[(Method, Saliency)],
) -> Result<(), ExplainError> {
    let Some(place) = &subject.place else { return Ok(()) };
    let band = |(method, _): &(Method, Saliency)| CogBand { description: method.to_string(), legend: Vec::new() };
    let spec = CogSpec {
        pixel_type: PixelType::F32,
        nodata: Some(f64::NAN),
        bands: maps.iter().map(band).collect(),
        metadata: Vec::new(),
        overview_resampling: Resampling::Average,
    };
    let path = folder.file(&format!("{stem}.tif"));
    let mut writer = CogWriter::create(&path, &place.grid, &spec)?;
    for (k, (_, saliency)) in maps.iter().enumerate() {
        let known =
            |(value, state): (&f32, &PixelState)| if *state == PixelState::Observed { *value } else { f32::NAN };
        let values = saliency.map.iter().zip(&subject.patch.states).map(known).collect();
        writer.write(k, &place.grid.window(), &Pixels::F32(values))?;
    }
    Ok(writer.finish()?)
}

fn write_table(folder: &StagedDir, rows: &[SaliencyRow]) -> Result<(), ExplainError> {
    let path = folder.file(ExplainMeta::TABLE);
    let fault = |source: csv::Error| ExplainError::Csv { path: path.clone(), source };
    let mut writer = csv::Writer::from_path(&path).map_err(fault)?;
    for row in rows {
        writer.serialize(row).map_err(fault)?;
    }
    writer.flush().map_err(|e| fault(e.into()))
}

//! Class folders of images to a patch store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use areal_formats::{DropReason, Provenance, STORE_FORMAT, StoreMeta, input_file};
use areal_grid::{Class, PixelBlock, PixelType, Scaling, Target, Window};
use areal_job::{Job, Unit};
use areal_raster::{BandInfo, read_image};
use areal_tables::{ClassKeys, ClassLabels, ClassNaming, LegendRow};
use serde::{Deserialize, Serialize};

use crate::classes::{legend, legend_of_names};
use crate::images::{ImageFile, find_images};
use crate::resize::resize;
use crate::settings::check_patch_size;
use crate::splitting::{Member, Splitting};
use crate::summary::{check_classes, counts, nothing_left, warn_of_gaps};
use crate::{PatchError, SCALING, SplitBy, SplitFractions, SplitSettings, StoreWriter};
use areal_store::{Label, PatchRecord, Split};

/// How class folders are imported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportSettings {
    /// `FOLDER/CLASS/*.jpg`, or `FOLDER/train/CLASS/*.jpg` with `validation` (or `val`) and `test` beside it.
    pub folder: PathBuf,
    /// Resize every image to squares of so many pixels; without it all must be squares of one size.
    pub resize: Option<usize>,
    /// The classes; without a list, the names of the folders.
    pub classes: Vec<LegendRow>,
    /// Least share of observed pixels, 0 to 1: images with an alpha band may have fewer.
    pub min_valid: f64,
    /// Fractions of the splits, where the folders do not name them.
    #[serde(alias = "shares")]
    pub fractions: SplitFractions,
    /// Seed of the assignment.
    pub seed: u64,
}

/// Imports images sorted into class folders as a patch store without a place on the ground.
///
/// # Errors
/// When there is no image, images differ in size, bands or type, or the store cannot be written.
pub fn import(settings: &ImportSettings, out: &Path, overwrite: bool, job: &Job) -> Result<StoreMeta, PatchError> {
    if let Some(size) = settings.resize {
        check_patch_size("size of the images (--resize)", size)?;
    }
    let images = find_images(&settings.folder)?;
    let (classes, names) = classes(settings, &images)?;
    let (first, rest) = images.split_first().ok_or_else(|| PatchError::NoImage { folder: settings.folder.clone() })?;
    let (bands, block) = read(first, settings)?;
    check_patch_size("size of the images", block.window.height)?;
    let model =
        Model { path: first.path.clone(), bands, pixel_type: block.pixels.pixel_type(), size: block.window.height };
    let mut writer = StoreWriter::create(out, overwrite, block.bands, model.pixel_type, model.size)?;
    let task = job.task("import", Some(images.len() as u64), Unit::Files);
    let mut kept: Vec<(&ImageFile, f64)> = Vec::new();
    let mut dropped = BTreeMap::new();
    let mut keep = |image, block: PixelBlock| -> Result<(), PatchError> {
        task.advance(1);
        let valid = block.valid_fraction();
        if valid < settings.min_valid || valid == 0.0 {
            *dropped.entry(DropReason::ValidFraction).or_default() += 1;
            return Ok(());
        }
        kept.push((image, valid));
        writer.push(&block, &Window::new(0, 0, model.size, model.size))
    };
    keep(first, block)?;
    for image in rest {
        job.check()?;
        let (bands, block) = read(image, settings)?;
        model.check(image, &bands, &block)?;
        keep(image, block)?;
    }
    if kept.is_empty() {
        return Err(nothing_left(images.len() as u64, &dropped, false));
    }
    let records = records(settings, (&classes, &names), &kept);
    let target = Target::Classes { classes };
    let counts = counts(&target, records.iter().map(|r| (r.label, r.split)), &dropped);
    check_classes(&counts, &target)?;
    warn_of_gaps(&counts, &target, &settings.fractions);
    let meta = model.describe(settings, target, counts)?;
    writer.finish(&meta, &records, &[])?;
    Ok(meta)
}

/// What the first image is like, and all others must be.
struct Model {
    path: PathBuf,
    bands: Vec<BandInfo>,
    pixel_type: PixelType,
    size: usize,
}

impl Model {
    /// The document of a store of such images.
    fn describe(
        &self,
        settings: &ImportSettings,
        target: Target,
        counts: areal_formats::StoreCounts,
    ) -> Result<StoreMeta, PatchError> {
        Ok(StoreMeta {
            format: STORE_FORMAT.into(),
            bands: self.bands.iter().map(|b| b.description.clone()).collect(),
            pixel_type: self.pixel_type,
            scaling: Some(self.bands.iter().map(|b| b.scaling).collect()),
            crs: None,
            ground_resolution: None,
            patch_size: self.size,
            target,
            scenes: Vec::new(),
            counts,
            provenance: Provenance {
                made_by: areal_formats::MADE_BY.into(),
                command: "tile".into(),
                inputs: vec![input_file(&settings.folder)?.into()],
                settings: serde_json::to_value(settings).expect("settings are numbers, texts and lists"),
                seed: Some(settings.seed),
            },
        })
    }

    fn check(&self, image: &ImageFile, bands: &[BandInfo], block: &PixelBlock) -> Result<(), PatchError> {
        let differ = |what, left: String, right: String| {
            let (first, second) = (self.path.clone(), image.path.clone());
            Err(PatchError::ImagesDiffer { first, second, what, left, right })
        };
        if bands.len() != self.bands.len() {
            return differ("number of bands", self.bands.len().to_string(), bands.len().to_string());
        }
        if block.pixels.pixel_type() != self.pixel_type {
            return differ("pixel type", self.pixel_type.to_string(), block.pixels.pixel_type().to_string());
        }
        let scaling = |bands: &[BandInfo]| bands.iter().map(|b| b.scaling).collect::<Vec<_>>();
        let (first, own) = (scaling(&self.bands), scaling(bands));
        if !Scaling::are_like(&first, &own) {
            return differ(SCALING, Scaling::in_words(&first), Scaling::in_words(&own));
        }
        if block.window.height != self.size {
            let size = |n: usize| format!("{n} x {n} pixels");
            return differ("size", size(self.size), size(block.window.height));
        }
        Ok(())
    }
}

/// An image as a square.
fn read(image: &ImageFile, settings: &ImportSettings) -> Result<(Vec<BandInfo>, PixelBlock), PatchError> {
    let (bands, block) = read_image(&image.path)?;
    let (height, width) = (block.window.height, block.window.width);
    match settings.resize {
        Some(size) if (height, width) != (size, size) => Ok((bands, resize(&block, size))),
        None if height != width => Err(PatchError::NotSquare { path: image.path.clone(), height, width }),
        _ => Ok((bands, block)),
    }
}

/// The classes, and the code of each folder's name.
fn classes(settings: &ImportSettings, images: &[ImageFile]) -> Result<(Vec<Class>, ClassLabels), PatchError> {
    let names: BTreeSet<&str> = images.iter().map(|p| p.class.as_str()).collect();
    let classes = if settings.classes.is_empty() {
        legend_of_names(names.iter().copied())?.classes
    } else {
        legend(&settings.classes, &[])?.classes
    };
    let by = Some(ClassNaming::Name);
    let labels = ClassLabels::read(&ClassKeys::from(&classes[..]), names, by)
        .map_err(|fault| PatchError::ClassLabels { path: settings.folder.clone(), fault })?;
    labels.warn(&settings.folder.display().to_string());
    Ok((classes, labels))
}

fn records(
    settings: &ImportSettings,
    (classes, names): (&[Class], &ClassLabels),
    kept: &[(&ImageFile, f64)],
) -> Vec<PatchRecord> {
    let label = |image: &ImageFile| {
        Label::Class(names.place(&image.class).map_or(Target::NODATA_CLASS, |place| classes[place].code))
    };
    let member = |(i, (image, _)): (usize, &(&ImageFile, f64))| Member { unit: i as u64, label: label(image) };
    let splits = if kept.iter().all(|(image, _)| image.split.is_some()) {
        kept.iter().filter_map(|(image, _)| image.split).collect()
    } else {
        tracing::warn!(
            "images have no georeference: splits are random by file, not geographic; images of one \
             place may be in two splits, so accuracy may be overestimated"
        );
        let by = SplitSettings { fractions: settings.fractions, by: SplitBy::Group, block_size: None, buffer: 0.0 };
        let members: Vec<Member> = kept.iter().enumerate().map(member).collect();
        Splitting { settings: &by, seed: settings.seed, size: 1 }.assign(&members)
    };
    let record = |((patch_id, (image, valid)), split): ((u64, &(&ImageFile, f64)), Split)| PatchRecord {
        patch_id,
        scene: image.path.strip_prefix(&settings.folder).unwrap_or(&image.path).to_string_lossy().into_owned(),
        row: 0,
        col: 0,
        label: label(image),
        label_fraction: 1.0,
        valid_fraction: *valid,
        split,
        block: -1,
        group: None,
    };
    (0..).zip(kept).zip(splits).map(record).collect()
}

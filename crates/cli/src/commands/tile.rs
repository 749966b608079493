//! `areal tile`: from scenes and labels to a patch store.

use std::path::PathBuf;

use areal_formats::{Resampling, counted};
use areal_patches::{
    DEFAULT_MIN_VALID, DEFAULT_PATCH_SIZE, DEFAULT_SEED, ImportSettings, LabelKind, LabelRule, LabelSettings,
    PatchPlacement, SplitBy, SplitFractions, SplitSettings, TileSettings, check_scenes, default_label_fraction,
    is_raster, label_target,
};
use areal_predict::data_kind;
use areal_raster::Scene;
use areal_tables::{ClassNaming, CodeRule, Encoding};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::Stage;
use super::tile_flags::{label_fraction_help, label_resampling};
use super::tile_text::{print_json, print_table};
use crate::class_list::{class_file, listed_classes};
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::named_scenes::NamedScene;
use crate::options::{self, OVERWRITE, name_of};
use crate::recipe::{Planned, Training};
use crate::scene_options::SceneOptions;

/// Cut labelled patches from scenes into a patch store for training
///
/// Labels are polygons or points with a class (--label-field), points with a value (--value-field), or a raster of
/// class codes. They may be in any CRS. A pixel belongs to a polygon if its centre lies inside. A patch gets its most
/// common class if at least --min-label-fraction of its pixels have that class. A point gets a patch centred on it.
///
/// By default, patches lie on the grid of the prediction. For few or small polygons, use --placement polygon: patches
/// are centred inside the polygons, the first on a point well inside each polygon and the others at multiples of the
/// stride from it. Each polygon gives at least one patch, and a smaller stride gives more. Use --split-by group with
/// it, so that all patches of a polygon are in one split, in every scene.
///
/// Splits are assigned by square blocks of ground, the same in every scene, so that training and test patches come from
/// different places. Rare classes are assigned first. If patches of two splits overlap, or are nearer than --buffer
/// metres, one is dropped: training patches first, then validation patches.
///
/// The store is a folder: pixels.npy and states.npy for NumPy (also memory-mapped), patches.csv with one row per patch,
/// patches.gpkg with the same rows for QGIS, and store.json.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Examples:\n  \
    areal tile scene.tif --labels fields.gpkg --label-field crop --out patches\n  \
    areal tile --scene dry=jan.tif --scene wet=jul_west.tif,jul_east.tif --labels fields.gpkg --label-field crop \\\n      \
    --patch-size 8 --stride 2 --placement polygon --split-by group --out patches\n  \
    areal tile scene.tif --labels clusters.gpkg --value-field wealth --split-by group --buffer 2000 --out patches\n  \
    areal tile --from-folders EuroSAT_RGB --out patches")]
pub struct Options {
    /// Files of one scene, mosaicked. Where they overlap, the first file with an observed pixel is used.
    #[arg(value_name = "FILE", conflicts_with_all = ["scenes", "from_folders"])]
    pub files: Vec<PathBuf>,
    /// One of several scenes (dates, UTM zones), each on its own pixel grid. Repeatable.
    #[arg(long = "scene", value_name = "NAME=FILE[,FILE..]", conflicts_with = "from_folders")]
    #[serde(with = "crate::named_scenes")]
    pub scenes: Vec<NamedScene>,
    #[command(flatten)]
    pub scene: SceneOptions,

    /// Labels: a vector layer, a raster of class codes (band 1), or an image in the colours of the classes.
    #[arg(long, value_name = "FILE", help_heading = "Labels", conflicts_with = "from_folders")]
    pub labels: Option<PathBuf>,
    /// Layer of the label file, if it has several.
    #[arg(long, value_name = "NAME", help_heading = "Labels")]
    pub label_layer: Option<String>,
    /// Field that names the class.
    #[arg(long, value_name = "FIELD", help_heading = "Labels", conflicts_with = "value_field")]
    pub label_field: Option<String>,
    /// Field of the points with the value to predict.
    #[arg(long, value_name = "FIELD", help_heading = "Labels")]
    pub value_field: Option<String>,
    /// Unit of the value, for tables and maps.
    #[arg(long, value_name = "TEXT", help_heading = "Labels")]
    pub value_unit: Option<String>,
    /// Classes: a legend file (CSV with the columns name, code, colour and parent), or a list such as 0=water:#0072b2,1=forest
    /// [default: those in the labels, codes from 0 in order of the names].
    #[arg(long, visible_alias = "legend", value_delimiter = ',', value_name = "FILE|LIST", help_heading = "Labels")]
    pub classes: Vec<String>,
    /// Codes in the labels that count as one class: 311,312,313=forest or 111-142=built-up or *=other. Repeatable.
    #[arg(long, value_name = "CODES=CLASS", help_heading = "Labels")]
    pub map: Vec<CodeRule>,
    /// How the labels name classes [default: whichever fits all of them].
    #[arg(long, value_name = "HOW", help_heading = "Labels", value_parser = name_of::<ClassNaming>())]
    pub class_by: Option<ClassNaming>,
    /// Encoding of the text in --labels and the legend file, where it is not UTF-8: windows-1252, iso-8859-2 ...
    #[arg(long, value_name = "NAME", help_heading = "Labels")]
    pub encoding: Option<Encoding>,
    /// How a patch gets its class: majority (of its pixels) or centre (the pixel in the middle).
    #[arg(long, value_name = "RULE", help_heading = "Labels", default_value_t = LabelRule::default(), value_parser = name_of::<LabelRule>())]
    pub label_rule: LabelRule,
    #[arg(long, value_name = "FRACTION", help_heading = "Labels", help = label_fraction_help())]
    pub min_label_fraction: Option<f64>,
    /// Code of a label raster that means no label, in addition to its nodata value.
    #[arg(long, allow_negative_numbers = true, value_name = "CODE", help_heading = "Labels")]
    pub label_nodata: Option<f64>,
    /// Resampling method for a label raster on another pixel grid than the scene. Class codes have no mean, so there is only
    /// one. Without it, such a raster is an error.
    #[arg(long, value_name = "METHOD", help_heading = "Labels", value_parser = label_resampling())]
    pub label_resampling: Option<Resampling>,

    /// Patch size in pixels.
    #[arg(long, value_name = "PIXELS", help_heading = "Patches", default_value_t = DEFAULT_PATCH_SIZE)]
    pub patch_size: usize,
    /// Pixels from one patch to the next [default: the patch size].
    #[arg(long, value_name = "PIXELS", help_heading = "Patches")]
    pub stride: Option<usize>,
    /// Where patches lie: grid, or polygon (centred inside polygons).
    #[arg(long, value_name = "WHERE", help_heading = "Patches", default_value_t = PatchPlacement::default(), value_parser = name_of::<PatchPlacement>())]
    pub placement: PatchPlacement,
    /// Minimum fraction of the pixels of a patch that must be observed (neither nodata nor masked).
    #[arg(long, value_name = "FRACTION", help_heading = "Patches", default_value_t = DEFAULT_MIN_VALID)]
    pub min_valid: f64,

    #[arg(long, value_delimiter = ',', num_args = 1, value_name = "FRACTIONS", help_heading = "Splits",
        help = format!("Fractions of train, validation and test [default: {}]", SplitFractions::default()))]
    pub split: Vec<f64>,
    #[arg(long, value_name = "UNIT", help_heading = "Splits", value_parser = name_of::<SplitBy>(),
        help = format!("Unit that is never divided between splits: block (square of ground), group (a polygon, or equal values of \
            --group-field), field (splits come from the labels, see --split-field) [default: {}; field with --split-field]",
            SplitBy::default()))]
    pub split_by: Option<SplitBy>,
    /// Side of a block in metres [default: a tenth of the side of the area with patches, at least two patches].
    #[arg(long, value_name = "METRES", help_heading = "Splits")]
    pub block_size: Option<f64>,
    /// Minimum distance in metres between patches of two splits; nearer patches are dropped.
    #[arg(long, value_name = "METRES", help_heading = "Splits", default_value_t = SplitSettings::default().buffer)]
    pub buffer: f64,
    /// Field whose equal values form a group [default: each polygon or point is its own group].
    #[arg(long, value_name = "FIELD", help_heading = "Splits")]
    pub group_field: Option<String>,
    /// Field of the labels that holds train, validation or test. Overlapping patches of two splits are then an error.
    #[arg(long, value_name = "FIELD", help_heading = "Splits")]
    pub split_field: Option<String>,
    /// Seed of the split assignment.
    #[arg(long, value_name = "NUMBER", help_heading = "Splits", default_value_t = DEFAULT_SEED)]
    pub seed: u64,

    /// Import images from class folders instead: FOLDER/CLASS/*.png (jpg, tif), or FOLDER/train/CLASS/*.png with
    /// validation and test beside it. All must be squares of one size.
    #[arg(long, value_name = "FOLDER", help_heading = "Import")]
    pub from_folders: Option<PathBuf>,
    /// Resize imported images to squares of this size, by linear interpolation.
    #[arg(long, value_name = "PIXELS", help_heading = "Import", requires = "from_folders")]
    pub resize: Option<usize>,

    /// Folder of the patch store.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
    /// Print the counts as JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

impl Default for Options {
    fn default() -> Self {
        options::defaults()
    }
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        let scenes = self.scenes.iter().flat_map(|scene| &scene.files);
        let class_file = class_file(&self.classes);
        self.files
            .iter()
            .chain(scenes)
            .chain(&self.labels)
            .chain(&self.from_folders)
            .chain(&class_file)
            .cloned()
            .collect()
    }

    fn output(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    fn check(&self, planned: &mut Planned) -> Result<(), CliError> {
        if let Some(folder) = &self.from_folders {
            self.import_settings(folder.clone())?;
            return Ok(());
        }
        let settings = self.settings()?;
        settings.check()?;
        let scenes = self.open_scenes()?;
        planned.training = Some(Training {
            kind: data_kind(check_scenes(&scenes)?),
            patch_size: settings.patch_size,
            target: label_target(&settings.labels)?,
        });
        Ok(())
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let out = options::required(self.out.as_ref(), "--out", "the folder of the patch store")?;
        let meta = match &self.from_folders {
            Some(folder) => {
                areal_patches::import(&self.import_settings(folder.clone())?, out, self.overwrite, &context.job())?
            }
            None => areal_patches::tile(&self.open_scenes()?, &self.settings()?, out, self.overwrite, &context.job())?,
        };
        if self.json {
            print_json(&meta);
        } else {
            print_table(&meta);
        }
        tracing::info!("{} in {}", counted(meta.counts.patches, "patch"), out.display());
        Ok(())
    }
}

impl Options {
    fn open_scenes(&self) -> Result<Vec<Scene>, CliError> {
        let mut named = self.scenes.clone();
        if !self.files.is_empty() {
            named.push(NamedScene { name: "scene".into(), files: self.files.clone() });
        }
        if named.is_empty() {
            let help = "give the files of a scene, pass --scene NAME=FILE, or import images with --from-folders";
            return Err(CliError::new(Exit::Usage, "no scene is given").help(help));
        }
        let open = |s: NamedScene| Ok(Scene::open(&self.scene.settings(&s.name, s.files)?)?);
        named.into_iter().map(open).collect()
    }

    fn settings(&self) -> Result<TileSettings, CliError> {
        let patch_size = self.patch_size;
        let placement = self.placement;
        let rule = self.label_rule;
        Ok(TileSettings {
            patch_size,
            stride: self.stride.unwrap_or(patch_size),
            placement,
            min_valid: self.min_valid,
            labels: self.label_settings()?,
            rule,
            min_label_fraction: self.min_label_fraction.unwrap_or_else(|| default_label_fraction(placement, rule)),
            split: SplitSettings {
                fractions: self.fractions()?,
                by: self.split_by.unwrap_or(if self.split_field.is_some() {
                    SplitBy::Field
                } else {
                    SplitBy::default()
                }),
                block_size: self.block_size,
                buffer: self.buffer,
            },
            seed: self.seed,
        })
    }

    fn label_settings(&self) -> Result<LabelSettings, CliError> {
        let file = self.labels.clone().ok_or_else(|| {
            CliError::new(Exit::Usage, "no labels are given")
                .help("pass --labels FILE with --label-field or --value-field, or a raster of class codes")
        })?;
        let kind = match (&self.label_field, &self.value_field) {
            (Some(field), _) => LabelKind::Class { field: field.clone() },
            (_, Some(field)) => {
                LabelKind::Value { field: field.clone(), unit: self.value_unit.clone().unwrap_or_default() }
            }
            (None, None) if is_raster(&file) => LabelKind::Raster,
            // An empty field name makes the layer report an error that lists its fields.
            (None, None) => LabelKind::Class { field: String::new() },
        };
        Ok(LabelSettings {
            file,
            layer: self.label_layer.clone(),
            kind,
            encoding: self.encoding,
            classes: listed_classes(&self.classes, self.encoding)?,
            map: self.map.clone(),
            class_by: self.class_by,
            group_field: self.group_field.clone(),
            split_field: self.split_field.clone(),
            nodata: self.label_nodata,
            resampling: self.label_resampling,
        })
    }

    fn import_settings(&self, folder: PathBuf) -> Result<ImportSettings, CliError> {
        if self.scene.settings("images", Vec::new())?.converts() {
            let message = "--band-scale and --band-offset have no effect on imported images";
            return Err(CliError::new(Exit::Usage, message).help("convert the images before, or leave the flags out"));
        }
        Ok(ImportSettings {
            folder,
            resize: self.resize,
            classes: listed_classes(&self.classes, self.encoding)?,
            min_valid: self.min_valid,
            fractions: self.fractions()?,
            seed: self.seed,
        })
    }

    fn fractions(&self) -> Result<SplitFractions, CliError> {
        let bad = |message: String| CliError::new(Exit::Usage, message).help("give --split train,validation,test");
        match self.split[..] {
            [] => Ok(SplitFractions::default()),
            [train, validation, test] => SplitFractions::try_from([train, validation, test]).map_err(bad),
            _ => Err(bad(format!("--split has {} fractions; three are needed", self.split.len()))),
        }
    }
}

//! `areal init`: a recipe to start from.

use std::path::{Path, PathBuf};

use areal_formats::SceneSettings;
use areal_job::{FileError, StagedFile};
use areal_patches::{LabelKind, LabelSettings, Proposal, is_raster, propose};
use areal_raster::{BandInfo, FieldKind, RasterError, Scene, constant_bands, read_layer};
use clap::Args;
use toml::Value;

use super::check_names;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::recipe::{TEMPLATE, leave_out, set};
use crate::scene_options::warn_of_hidden;

/// Write a commented recipe to start from
///
/// With --scene and --labels, the recipe names these files, and its patches suit the size of the label polygons. Bands that hold
/// one number wherever they are looked at, such as masks, are left out of the bands to train on.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  areal init rubber.toml\n  areal init rubber.toml --scene scene.tif --labels fields.gpkg \
                        --label-field crop\n  areal run rubber.toml"
)]
pub struct Options {
    /// File to write.
    #[arg(default_value = "recipe.toml")]
    pub recipe: PathBuf,
    /// Raster of the scene. Repeatable: several files are mosaicked.
    #[arg(long, value_name = "FILE")]
    pub scene: Vec<PathBuf>,
    /// Labels to train on: polygons, points or a raster of class codes.
    #[arg(long, value_name = "FILE", requires = "scene")]
    pub labels: Option<PathBuf>,
    /// Field of --labels that names the class. [default: its only field with text]
    #[arg(long, value_name = "FIELD", requires = "labels")]
    pub label_field: Option<String>,
    /// Zones to report on: polygons.
    #[arg(long, value_name = "FILE")]
    pub zones: Option<PathBuf>,
    /// Field of --zones that identifies a zone.
    #[arg(long, value_name = "FIELD", requires = "zones")]
    pub zone_id: Option<String>,
    /// Replace an existing recipe.
    #[arg(long)]
    pub overwrite: bool,
}

pub fn run(options: &Options, _context: &Context) -> Result<(), CliError> {
    let given = options.scene.iter().chain(&options.labels).chain(&options.zones);
    check_names(given.chain([&options.recipe]))?;
    let path = &options.recipe;
    let staged = StagedFile::replacing(path, options.overwrite, "format = \"areal-recipe/").map_err(|e| match e {
        FileError::Exists { .. } => CliError::from(e).help("name another file, or pass --overwrite to replace it"),
        e => e.into(),
    })?;
    let text = options.text()?;
    std::fs::write(staged.path(), text).map_err(FileError::io("write", path))?;
    staged.commit()?;
    let todo = if options.labels.is_some() { "read it" } else { "fill in its paths" };
    tracing::info!("wrote {}: {todo}, then run: areal run {}", path.display(), path.display());
    Ok(())
}

fn put(text: &mut String, section: &str, key: &str, value: &Value) {
    *text = set(text, section, key, value);
}

/// The bands to train on, where some of the scene hold one number only; `None` for all.
fn varying_bands(scene: &Scene) -> Result<Option<Value>, CliError> {
    let constant = constant_bands(scene)?;
    if constant.is_empty() {
        return Ok(None);
    }
    let bands = scene.bands();
    let in_words = |band: &BandInfo| {
        let name = if is_named(band) { format!(" (\"{}\")", band.description) } else { String::new() };
        format!("{}{name}", band.number)
    };
    let told: Vec<String> =
        constant.iter().map(|c| format!("band {} holds {} only", in_words(&bands[c.band]), c.value)).collect();
    tracing::warn!(
        "{} in the pixels that were looked at, so [scene] bands of the recipe leaves it out; a mask can be its quality-band",
        told.join(", ")
    );
    let kept: Vec<&BandInfo> =
        (0..bands.len()).filter(|k| constant.iter().all(|c| c.band != *k)).map(|k| &bands[k]).collect();
    let count = |name: &str| bands.iter().filter(|band| band.description == name).count();
    let by_name = kept.iter().all(|band| is_named(band) && count(&band.description) == 1);
    let reference = |band: &&BandInfo| {
        if by_name { Value::String(band.description.clone()) } else { Value::Integer(band.number as i64) }
    };
    Ok(Some(Value::Array(kept.iter().map(reference).collect())))
}

/// True for a band that the file describes.
fn is_named(band: &BandInfo) -> bool {
    band.description != format!("band {}", band.number)
}

fn put_proposal(text: &mut String, proposal: &Proposal) {
    put(text, "tile", "patch-size", &Value::Integer(proposal.patch_size as i64));
    put(text, "tile", "stride", &Value::Integer(proposal.stride as i64));
    put(text, "tile", "placement", &Value::String(proposal.placement.to_string()));
    put(text, "tile", "split-by", &Value::String(proposal.split_by.to_string()));
    // The patches of the prediction overlap by the same amount.
    put(text, "predict", "stride", &Value::Integer((proposal.patch_size / 2) as i64));
    tracing::info!(
        "half of the {} label polygons are narrower than {:.0} pixels: the recipe has {proposal}",
        proposal.polygons,
        proposal.median_width
    );
}

impl Options {
    /// The template, with what is given and what follows from it.
    fn text(&self) -> Result<String, CliError> {
        let mut text = TEMPLATE.to_owned();
        if !self.scene.is_empty() {
            let files = self.scene.iter().map(|file| self.relative(file)).collect::<Result<Vec<_>, _>>()?;
            put(&mut text, "scenes", "scene", &Value::Array(files));
        }
        if !self.scene.is_empty()
            && let Ok(scene) = self.open_scene()
        {
            warn_of_hidden(&scene);
            if let Some(bands) = varying_bands(&scene)? {
                put(&mut text, "scene", "bands", &bands);
            }
        }
        if let Some(labels) = &self.labels {
            put(&mut text, "tile", "labels", &self.relative(labels)?);
            if is_raster(labels) {
                text = leave_out(&text, "tile", &["label-field"]);
            } else {
                let field = self.label_field(labels)?;
                put(&mut text, "tile", "label-field", &Value::String(field.clone()));
                if let Some(proposal) = self.proposal(labels, field)? {
                    put_proposal(&mut text, &proposal);
                }
            }
        }
        match &self.zones {
            Some(zones) => {
                put(&mut text, "aggregate", "zones", &self.relative(zones)?);
                text = leave_out(&text, "aggregate", &["zone-id", "zone-name"]);
            }
            // A recipe for given scenes must run as it is. Without zones there is nothing to aggregate over.
            None if !self.scene.is_empty() => {
                text = leave_out(&text, "", &["[aggregate]"]);
                text = leave_out(&text, "aggregate", &["zones", "zone-id", "zone-name"]);
                put(&mut text, "report", "title", &Value::String("Land use".to_owned()));
            }
            None => {}
        }
        if let Some(id) = &self.zone_id {
            put(&mut text, "aggregate", "zone-id", &Value::String(id.clone()));
        }
        Ok(text)
    }

    /// A path as it is written in the recipe: relative to the folder of the recipe if it lies inside it.
    fn relative(&self, file: &Path) -> Result<Value, CliError> {
        let fault = |e: std::io::Error| CliError::new(Exit::Input, format!("cannot read {}: {e}", file.display()));
        let file = file.canonicalize().map_err(|e| fault(e).help("check the path"))?;
        let folder = self.recipe.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().map_err(fault)?;
        let named = file.strip_prefix(&folder).unwrap_or(&file);
        Ok(Value::String(named.to_string_lossy().into_owned()))
    }

    fn label_field(&self, labels: &Path) -> Result<String, CliError> {
        if let Some(field) = &self.label_field {
            return Ok(field.clone());
        }
        let layer = read_layer(labels, None)?;
        let texts: Vec<&str> = layer.fields.iter().filter(|f| f.kind == FieldKind::Text).map(|f| &*f.name).collect();
        if let [only] = texts[..] {
            return Ok(only.to_owned());
        }
        let fields = layer.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!("{} does not have exactly one text field; its fields: {fields}", labels.display());
        Err(CliError::new(Exit::Usage, message).help("name the field with the class as --label-field"))
    }

    fn open_scene(&self) -> Result<Scene, RasterError> {
        Scene::open(&SceneSettings::new("scene", self.scene.clone()))
    }

    fn proposal(&self, labels: &Path, field: String) -> Result<Option<Proposal>, CliError> {
        let scene = match self.open_scene() {
            Ok(scene) => scene,
            Err(error) => {
                tracing::warn!(
                    "{error}: set how these files are read in [scene]; the patch size is the template's and was not fitted to \
                     the labels"
                );
                return Ok(None);
            }
        };
        Ok(propose(&[scene], &LabelSettings::new(labels.to_path_buf(), LabelKind::Class { field }))?)
    }
}

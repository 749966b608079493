//! Scenes and labels to a patch store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use areal_formats::{DropReason, InputRef, Provenance, STORE_FORMAT, StoreMeta, StoreScene};
use areal_grid::{Class, Crs, Scaling, Target, Window};
use areal_job::{Job, Unit};
use areal_raster::{Projection, Scene, crs_from_text, input_file_with_companions};
use areal_store::{Footprint, Label, PatchRecord, PlacedPatch};
use areal_tables::{are_same_names, may_be_renamed};

use crate::blocks::{default_block_size, number_blocks};
use crate::candidates::{Candidate, Candidates};
use crate::distance_plane::{DistancePlane, footprint, shared_crs};
use crate::labels::source::{LabelItem, LabelKind, Labels, Shapes};
use crate::splitting::{Member, Splitting};
use crate::summary::{check_classes, counts, nothing_left, warn_of_gaps};
use crate::{PatchError, SCALING, SplitBy, StoreWriter, TileSettings, cut};

/// Cuts labelled patches from scenes into a patch store at `out`.
///
/// The labels are laid over the scenes first, so that only pixels of labelled patches are read; each scene is read once,
/// in parts of bounded size. Then patches are assigned to splits and those too near to another split are taken out
/// again.
///
/// # Errors
/// When scenes do not fit together, labels cannot be read or lie elsewhere, no patch is left, splits that the labels
/// name touch, a class is validated or tested on but not trained on, or the store cannot be written. Nothing is left
/// behind then.
pub fn tile(
    scenes: &[Scene],
    settings: &TileSettings,
    out: &Path,
    overwrite: bool,
    job: &Job,
) -> Result<StoreMeta, PatchError> {
    settings.check()?;
    let first = check_scenes(scenes)?;
    let mut writer = StoreWriter::create(out, overwrite, first.bands().len(), first.pixel_type(), settings.patch_size)?;
    let labels = Labels::read(&settings.labels)?;
    let mut candidates = Candidates::new(scenes, &labels, settings, job)?;
    let cut = cut_all(scenes, &mut candidates, settings, &mut writer, job)?;
    let ground = DistancePlane::new(scenes)?;
    let mut drafts = Drafts::new(scenes, &labels, settings, &ground, cut)?;
    drafts.split(settings, &labels, &mut candidates)?;
    if drafts.all.is_empty() {
        let of_polygons = matches!(labels.shapes, Shapes::Polygons(..));
        return Err(nothing_left(candidates.planned, &candidates.dropped, of_polygons));
    }
    let kept: Vec<u64> = drafts.all.iter().map(|d| d.written).collect();
    writer.retain(&kept)?;
    drop(kept);
    let target = target(settings, &labels, &mut drafts.all);
    let counts = counts(&target, drafts.all.iter().map(|d| (d.label, d.split)), &candidates.dropped);
    check_classes(&counts, &target)?;
    warn_of_gaps(&counts, &target, &settings.split.fractions);
    let outlines = Outlines::new(scenes)?;
    let mut settings = settings.clone();
    settings.split.block_size = Some(drafts.block_size);
    let meta = StoreMeta {
        format: STORE_FORMAT.into(),
        bands: first.bands().iter().map(|b| b.description.clone()).collect(),
        pixel_type: first.pixel_type(),
        // A conversion makes values of a meaning that nothing states.
        scaling: first.conversion().is_none().then(|| first.scaling()),
        crs: Some(outlines.crs.clone()),
        ground_resolution: Some(first.ground_resolution()),
        patch_size: settings.patch_size,
        target,
        scenes: scenes.iter().map(store_scene).collect(),
        counts,
        provenance: provenance(scenes, &settings, job)?,
    };
    let row = |(id, draft): (u64, &Draft)| {
        let outline = outlines.of(scenes, &draft.candidate, meta.patch_size)?;
        Ok((record(id, draft, scenes, &labels), Some(outline)))
    };
    writer.finish_rows(&meta, (0..).zip(&drafts.all).map(row))?;
    Ok(meta)
}

/// A patch whose pixels are written. There is one in memory for each, so it holds no text: names are looked up.
#[derive(Debug, Clone, Copy)]
struct Draft {
    candidate: Candidate,
    /// Its number in the files as first written.
    written: u64,
    valid: f64,
    label: Label,
    block: i64,
    split: areal_store::Split,
    ground: Footprint,
}

struct Drafts {
    all: Vec<Draft>,
    block_size: f64,
}

/// Candidates whose pixels are written, in that order, with how much of them is observed.
fn cut_all(
    scenes: &[Scene],
    candidates: &mut Candidates,
    settings: &TileSettings,
    writer: &mut StoreWriter,
    job: &Job,
) -> Result<Vec<(Candidate, f64)>, PatchError> {
    let list = std::mem::take(&mut candidates.list);
    let mut written = Vec::new();
    for of_scene in list.chunk_by(|a, b| a.scene == b.scene) {
        let scene = &scenes[of_scene[0].scene];
        cut::cut(scene, of_scene, settings.patch_size, settings.min_valid, writer, job, |i, valid, kept| {
            if kept {
                written.push((of_scene[i], valid));
            } else {
                candidates.drop(DropReason::ValidFraction);
            }
        })?;
    }
    Ok(written)
}

impl Drafts {
    fn new(
        scenes: &[Scene],
        labels: &Labels,
        settings: &TileSettings,
        ground: &DistancePlane,
        written: Vec<(Candidate, f64)>,
    ) -> Result<Self, PatchError> {
        let size = settings.patch_size;
        let place =
            |c: &Candidate| ground.footprint(c.scene, scenes[c.scene].grid(), &Window::new(c.row, c.col, size, size));
        let grounds: Vec<Footprint> = written.iter().map(|(c, _)| place(c)).collect::<Result<_, _>>()?;
        let block_size = settings.split.block_size.unwrap_or_else(|| default_block_size(&grounds));
        let blocks = number_blocks(&grounds, block_size);
        let draft = |(i, (candidate, valid)): (usize, (Candidate, f64))| {
            let item = item(labels, &candidate);
            Draft {
                candidate,
                written: i as u64,
                valid,
                label: item.label,
                block: blocks[i],
                split: item.split.unwrap_or(areal_store::Split::Train),
                ground: grounds[i],
            }
        };
        Ok(Self { all: written.into_iter().enumerate().map(draft).collect(), block_size })
    }

    /// Assigns splits and leaves out what comes too near to another split.
    fn split(
        &mut self,
        settings: &TileSettings,
        labels: &Labels,
        candidates: &mut Candidates,
    ) -> Result<(), PatchError> {
        let splitting = Splitting { settings: &settings.split, seed: settings.seed, size: settings.patch_size };
        if settings.split.by != SplitBy::Field {
            let groups = if settings.split.by == SplitBy::Group { group_numbers(labels) } else { Vec::new() };
            let member = |d: &Draft| Member {
                unit: match settings.split.by {
                    SplitBy::Group => groups[d.candidate.found.item as usize],
                    _ => d.block as u64,
                },
                label: d.label,
            };
            let members: Vec<Member> = self.all.iter().map(member).collect();
            for (draft, split) in self.all.iter_mut().zip(splitting.assign(&members)) {
                draft.split = split;
            }
        }
        let placed: Vec<PlacedPatch> = self.all.iter().map(Draft::placed).collect();
        if settings.split.by == SplitBy::Field {
            return splitting.refuse_conflicts(&placed, |i| self.all[i].describe(labels));
        }
        let dropped = splitting.conflicting(&placed);
        let mut flags = dropped.into_iter();
        self.all.retain(|_| {
            let drop = flags.next().unwrap_or(false);
            if drop {
                candidates.drop(DropReason::Buffer);
            }
            !drop
        });
        Ok(())
    }
}

impl Draft {
    fn placed(&self) -> PlacedPatch {
        PlacedPatch {
            scene: self.candidate.scene,
            row: self.candidate.row as i64,
            col: self.candidate.col as i64,
            footprint: self.ground,
            split: self.split,
        }
    }

    fn describe(&self, labels: &Labels) -> String {
        let group = item(labels, &self.candidate).group.as_deref().unwrap_or("");
        let Candidate { row, col, .. } = self.candidate;
        format!("the patch of label {group} at row {row}, col {col} ({})", self.split)
    }
}

/// The thing that a patch has its label from.
fn item<'a>(labels: &'a Labels, candidate: &Candidate) -> &'a LabelItem {
    &labels.items[candidate.found.item as usize]
}

/// The number of each item's group, in the order of their names.
fn group_numbers(labels: &Labels) -> Vec<u64> {
    let names: Vec<&str> = labels.items.iter().map(|item| item.group.as_deref().unwrap_or("")).collect();
    let different: BTreeSet<&str> = names.iter().copied().collect();
    let numbers: BTreeMap<&str, u64> = different.into_iter().zip(0..).collect();
    names.into_iter().map(|name| numbers[name]).collect()
}

/// What the labels are. Where the classes were found in the file, those without a patch are left out, and codes of names
/// close up.
fn target(settings: &TileSettings, labels: &Labels, drafts: &mut [Draft]) -> Target {
    if let LabelKind::Value { field, unit } = &settings.labels.kind {
        return Target::Value { name: field.clone(), unit: unit.clone() };
    }
    if labels.listed {
        return Target::Classes { classes: labels.legend.classes.clone() };
    }
    let used: BTreeSet<u8> = drafts
        .iter()
        .filter_map(|d| match d.label {
            Label::Class(code) => Some(code),
            Label::Value(_) => None,
        })
        .collect();
    // Names that are numbers are their own codes.
    let is_own_code = |class: &Class| class.name == class.code.to_string();
    let close_up = settings.labels.kind != LabelKind::Raster && !labels.legend.classes.iter().all(is_own_code);
    let mut codes = BTreeMap::new();
    let mut classes = Vec::new();
    for class in &labels.legend.classes {
        if !used.contains(&class.code) {
            if settings.labels.kind != LabelKind::Raster {
                tracing::warn!("class \"{}\" has no patch and is removed from the classes", class.name);
            }
            continue;
        }
        let i = classes.len();
        let code = if close_up { i as u8 } else { class.code };
        codes.insert(class.code, code);
        let colour = labels.legend.given_colour(class.code).unwrap_or_else(|| areal_grid::default_colour(i));
        classes.push(Class { code, name: class.name.clone(), colour });
    }
    for draft in drafts {
        if let Label::Class(code) = &mut draft.label {
            *code = codes.get(code).copied().unwrap_or(*code);
        }
    }
    Target::Classes { classes }
}

fn record(patch_id: u64, d: &Draft, scenes: &[Scene], labels: &Labels) -> PatchRecord {
    PatchRecord {
        patch_id,
        scene: scenes[d.candidate.scene].name().to_owned(),
        row: d.candidate.row as i64,
        col: d.candidate.col as i64,
        label: d.label,
        label_fraction: d.candidate.found.fraction,
        valid_fraction: d.valid,
        split: d.split,
        block: d.block,
        group: item(labels, &d.candidate).group.clone(),
    }
}

/// Footprints in the scenes' shared CRS, or in longitude and latitude.
struct Outlines {
    crs: Crs,
    /// From each scene's CRS; none where that is the shared one.
    projections: Vec<Option<Projection>>,
}

impl Outlines {
    fn new(scenes: &[Scene]) -> Result<Self, PatchError> {
        if let Some(shared) = shared_crs(scenes) {
            return Ok(Self { crs: shared.clone(), projections: scenes.iter().map(|_| None).collect() });
        }
        let crs = crs_from_text("EPSG:4326")?;
        let to_lonlat = |s: &Scene| Projection::new(&s.grid().crs, &crs).map(Some);
        let projections = scenes.iter().map(to_lonlat).collect::<Result<_, _>>()?;
        Ok(Self { crs, projections })
    }

    fn of(&self, scenes: &[Scene], c: &Candidate, size: usize) -> Result<Footprint, PatchError> {
        let mut print = footprint(scenes[c.scene].grid(), &Window::new(c.row, c.col, size, size));
        if let Some(projection) = &self.projections[c.scene] {
            projection.apply(&mut print.corners)?;
        }
        Ok(print)
    }
}

fn store_scene(scene: &Scene) -> StoreScene {
    StoreScene { name: scene.name().to_owned(), grid: scene.grid().clone(), settings: scene.settings().clone() }
}

/// Checks that scenes of one store agree in bands, type, the meaning of stored values, and ground resolution; the first.
///
/// # Errors
/// The first difference, a name that two scenes have, no scene.
pub fn check_scenes(scenes: &[Scene]) -> Result<&Scene, PatchError> {
    let (first, others) = scenes.split_first().ok_or(PatchError::NoScene)?;
    let mut names = BTreeSet::new();
    if let Some(twice) = scenes.iter().find(|s| !names.insert(s.name())) {
        return Err(PatchError::SceneTwice { name: twice.name().to_owned() });
    }
    let names = |s: &Scene| s.bands().iter().map(|b| b.description.clone()).collect::<Vec<_>>();
    let bands = |s: &Scene| names(s).join(", ");
    let resolution = |s: &Scene| s.ground_resolution();
    for other in others {
        let differ = |what, left: String, right: String| PatchError::ScenesDiffer {
            first: first.name().to_owned(),
            second: other.name().to_owned(),
            what,
            left,
            right,
        };
        let (mine, others) = (names(first), names(other));
        let are_renamed = other.settings().is_by_number() && may_be_renamed(&mine, &others);
        if !are_renamed && !are_same_names(&mine, &others) {
            return Err(differ("bands", bands(first), bands(other)));
        }
        if mine != others {
            let (a, b) = (first.name(), other.name());
            tracing::info!("bands of \"{b}\" ({}) count as those of \"{a}\" ({})", bands(other), bands(first));
        }
        // One conversion is for all scenes, so that they must store the same.
        if first.stored_type() != other.stored_type() {
            return Err(differ("pixel type", first.stored_type().to_string(), other.stored_type().to_string()));
        }
        let (a, b) = (first.stored_scaling(), other.stored_scaling());
        if !Scaling::are_like(a, b) {
            return Err(differ(SCALING, Scaling::in_words(a), Scaling::in_words(b)));
        }
        let (a, b) = (resolution(first), resolution(other));
        if (a.x / b.x - 1.0).abs() > 0.01 || (a.y / b.y - 1.0).abs() > 0.01 {
            let show = |r: areal_grid::GroundResolution| format!("{:.3} x {:.3} m", r.x, r.y);
            return Err(differ("ground resolution by more than 1 %", show(a), show(b)));
        }
    }
    Ok(first)
}

fn provenance(scenes: &[Scene], settings: &TileSettings, job: &Job) -> Result<Provenance, PatchError> {
    let mut paths: Vec<&Path> = scenes.iter().flat_map(|s| &s.settings().files).map(AsRef::as_ref).collect();
    paths.push(&settings.labels.file);
    let task = job.task("hash inputs", Some(paths.len() as u64), Unit::Files);
    let mut inputs: Vec<InputRef> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for path in paths {
        job.check()?;
        if seen.insert(path) {
            inputs.push(input_file_with_companions(path)?);
        }
        task.advance(1);
    }
    Ok(Provenance {
        made_by: areal_formats::MADE_BY.into(),
        command: "tile".into(),
        inputs,
        settings: serde_json::to_value(settings).expect("settings are numbers, texts and lists"),
        seed: Some(settings.seed),
    })
}

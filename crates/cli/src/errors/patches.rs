//! Advice for errors of patch stores and labels.

use areal_patches::{PatchError, SCALING};
use areal_store::StoreError;

use super::raster::same_type;
use super::{CliError, Exit};

impl From<PatchError> for CliError {
    fn from(error: PatchError) -> Self {
        let exit = match error {
            PatchError::File(inner) => return inner.into(),
            PatchError::Store(inner) => return inner.into(),
            PatchError::Legend(inner) => return inner.into(),
            PatchError::Raster(inner) => return inner.into(),
            PatchError::Interrupted(inner) => return inner.into(),
            PatchError::Layout(_)
            | PatchError::NoScene
            | PatchError::SceneTwice { .. }
            | PatchError::Classes { .. }
            | PatchError::LabelField { .. }
            | PatchError::NoLabelField { .. }
            | PatchError::Setting { .. } => Exit::Usage,
            PatchError::NoPatch { .. } | PatchError::ClassUnseen { .. } => Exit::Failure,
            _ => Exit::Input,
        };
        Self::from_source(exit, &error).help(help(&error))
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let help = match &error {
            StoreError::Array { .. } | StoreError::Records { .. } => {
                "the store was edited or is incomplete; make it again with 'areal tile'"
            }
            StoreError::SplitsOverlap { .. } => {
                "correct the split field of the labels so that neighbours agree, or let 'areal tile' assign splits with \
                 --split-by block"
            }
            StoreError::File(_) => "",
        };
        match error {
            StoreError::File(inner) => inner.into(),
            other => Self::from_source(Exit::Input, &other).help(help),
        }
    }
}

/// What to do about it.
fn help(error: &PatchError) -> String {
    let text = match error {
        PatchError::Projection(_) => {
            "choose a CRS that covers this area with --crs, or reduce the extent with --bounds"
        }
        PatchError::Layout(_) => "choose --patch-size and --stride so that the stride divides the patch size",
        PatchError::SplitsNear { .. } => "correct the split field of the labels, or lower --buffer",
        PatchError::ClassUnseen { .. } => {
            "use smaller blocks (--block-size), a smaller --buffer, another --seed, or --split-by group; otherwise \
             label more places of this class, or remove it from the labels"
        }
        PatchError::ScenesDiffer { what, left, .. } => match *what {
            "bands" => "choose the same bands of each scene with --bands, by number where descriptions differ",
            "pixel type" => return same_type(left),
            SCALING => {
                "give all scenes the same scaling: unscale them (gdal_translate -unscale -ot Float32 IN OUT); --band-scale and \
                 --band-offset are the same for all scenes; if \
                 only the scale and offset in a file are wrong, correct them (gdal_edit.py -scale S -offset O)"
            }
            _ => "warp all scenes to one pixel size with --crs, --resolution and --resampling",
        },
        PatchError::NoScene => "give the files of a scene, or pass --scene NAME=FILE",
        PatchError::SceneTwice { .. } => "give each --scene its own name",
        PatchError::NoPatch { of_polygons: true, .. } => {
            "lower --min-valid or --min-label-fraction, use a smaller --patch-size, or --placement polygon for small \
             polygons"
        }
        PatchError::NoPatch { .. } => "lower --min-valid or --min-label-fraction, or use a smaller --patch-size",
        PatchError::Setting { .. } => "see 'areal tile --help'",
        PatchError::PatchDiffers { .. } => "choose the same bands with --bands",
        PatchError::File(_)
        | PatchError::Store(_)
        | PatchError::Raster(_)
        | PatchError::Legend(_)
        | PatchError::Interrupted(_) => "",
        error => image_help(error).or(label_help(error)).unwrap_or_default(),
    };
    text.to_owned()
}

/// What to do about images in class folders.
fn image_help(error: &PatchError) -> Option<&'static str> {
    Some(match error {
        PatchError::ImagesDiffer { what, .. } => match *what {
            "size" => "pass --resize PIXELS to resize all images to one size",
            _ => "convert the images to one format first",
        },
        PatchError::NotSquare { .. } => "pass --resize PIXELS to resize all images to squares",
        PatchError::NoImage { .. } => "expected FOLDER/CLASS/*.png (jpg, jpeg, tif, tiff)",
        PatchError::ClassLost { .. } => {
            "put the images of each class directly into its folder, as jpg, jpeg, png, tif or tiff, or remove the \
             folder"
        }
        PatchError::MixedFolders { .. } => {
            "keep only train, validation and test there, each with one folder per class; or keep only class folders"
        }
        _ => return None,
    })
}

/// What to do about labels.
fn label_help(error: &PatchError) -> Option<&'static str> {
    Some(match error {
        PatchError::Labels { .. } => "correct the labels, or choose another layer or field",
        PatchError::LabelField { .. } | PatchError::NoLabelField { .. } => {
            "pass the class field as --label-field, or the value field as --value-field"
        }
        PatchError::LabelsOutside { .. } => {
            "check that labels and scenes are in the same place, and that the CRS of the label file is right"
        }
        PatchError::UnknownClass { .. } => {
            "add it to --classes, map it to a class with --map, correct the labels, or pass the code that means no label as \
             --label-nodata"
        }
        PatchError::ClassLabels { fault, .. } => super::tables::class_by(fault),
        PatchError::LabelCode { .. } => {
            "map its codes to classes, such as --map 0=other --map 255=building or --legend FILE, or pass the code that means no \
             label as --label-nodata"
        }
        PatchError::LabelColours { .. } => {
            "give the colour of each class, such as --classes 0=water:#0000ff,1=forest:#00ff00, or a legend with the column colour"
        }
        PatchError::Classes { .. } => "pass --classes 0=water,1=forest:#1b7837, or a CSV file",
        PatchError::LabelsNotAligned { .. } => {
            "pass --label-resampling nearest to read it on the scene's pixel grid, or warp it first with gdalwarp"
        }
        _ => return None,
    })
}

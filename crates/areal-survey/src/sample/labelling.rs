//! `labelling.md`: instructions for interpreters.

use std::fmt::Write as _;

use areal_formats::Design;
use areal_grid::{Target, ground_resolution};
use areal_job::{FileError, StagedDir};
use areal_raster::Projection;
use areal_tables::ClassKeys;

use crate::{MapFrame, SurveyError};

pub(super) fn write(
    out: &StagedDir,
    frame: &MapFrame,
    design: &Design,
    units: usize,
    twice: usize,
) -> Result<(), SurveyError> {
    let cell = ground_resolution(frame.grid(), &Projection::to_lonlat(&frame.grid().crs)?)?;
    let mut text = format!(
        "# How to label this sample\n\n\
         {units} units of draw {}. Each unit is one cell of a grid, about {:.0} m by {:.0} m: the outline in `sample.gpkg`; in \
         `sample.csv` its centre (`lon`, `lat`) and the side of a square as large (`cell_side_m`).\n\n\
         Fill in, for every unit, in the order of `unit_id`:\n\n",
        design.design_id, cell.x, cell.y
    );
    text += &match &frame.meta.target {
        Target::Classes { .. } => of_classes(frame),
        Target::Value { name, unit } => format!(
            "- `label`: the {name} of the cell{}: its mean over the whole cell, as a number with a decimal point.\n",
            if unit.is_empty() { String::new() } else { format!(" in {unit}") }
        ),
    };
    text += "- `confidence`: `high`, `medium` or `low`: how sure you are. Units with low confidence are still used.\n\
             - `remark`: anything unusual: cloud, no image of the time, a change within the period.\n\n\
             Rules:\n\n\
             - Use better sources than those of the map: finer images, field visits, records from the same time.\n\
             - Do not look at the map or at its training labels: labels influenced by them hide errors of the map.\n\
             - Leave `label` empty only if the class cannot be determined: with missing units, the sample is no longer random.\n\
             - Do not move, add or delete units, and keep `unit_id` and `design_id`: they tie the labels to the draw.\n";
    if twice > 0 {
        let _ = writeln!(
            text,
            "- {twice} of the units stand in `second_look.gpkg` and `second_look.csv` for another person, who sees no label of \
             the first."
        );
    }
    let path = out.file("labelling.md");
    Ok(std::fs::write(&path, text).map_err(FileError::io("write", &path))?)
}

fn of_classes(frame: &MapFrame) -> String {
    let classes = frame.meta.target.classes();
    // Where the name of a class is the code of another, only names are clear.
    let names_only = ClassKeys::from(classes).is_ambiguous();
    let what = if names_only { "a name" } else { "names, or in all units codes," };
    let mut text = format!(
        "- `label`: the class that covers most of the cell; if two cover equal areas, the class at its centre. Write {what} exactly as listed:\n"
    );
    for class in classes {
        let code = if names_only { String::new() } else { format!(" (`{}`)", class.code) };
        let _ = writeln!(text, "  - `{}`{code}", class.name);
    }
    text
}

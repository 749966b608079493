//! What `sample` and `estimate` share: the map as a population of cells, the labelled sample, the tables.

mod labels;
mod map;
mod tables;
mod tally;

pub use labels::{DESIGN_FIELD, Labelled, read_labels};
pub use map::{MapOptions, SurveyMap, same_strata};
pub use tables::{print_aligned, print_rows, write_csv, write_table, zone_label};
pub use tally::{Tally, ZoneTally};

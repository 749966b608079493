//! What `sample` and `estimate` share: the map as a population of cells, the labelled sample, the tables.

mod labels;
mod map;
mod tables;
mod tally;

pub use labels::{Labelled, read_labels};
pub use map::{MapOptions, SurveyMap, same_strata};
pub use tables::{print_aligned, print_rows, write_csv, write_table};
pub use tally::Tally;

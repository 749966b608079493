//! Tables, class names and legends as users write them, read in the same way by every command.

mod classes;
mod decimals;
mod degrees;
mod encoding;
mod legend_file;
mod names;
mod parents;
mod recoding;
mod spreadsheet;
mod table;
mod unused_rules;

pub use classes::{ClassKeys, ClassLabels, ClassNaming, LabelFault, Respelling};
pub use decimals::{DECIMAL_ADVICE, DecimalFault, DecimalMark};
pub use degrees::Degrees;
pub use encoding::{Encoding, NotText, UnknownEncoding};
pub use legend_file::{LegendError, LegendRow, read_legend};
pub use names::{are_nearly_identical, are_same_names, clean, may_be_renamed, warn_of_near_identical};
pub use recoding::{CodeRule, RecodedClass, Recoding};
pub use spreadsheet::{ArealTableError, make_tables_spreadsheet_safe, read_areal_table};
pub use table::{Table, TableError, TableRow};
pub use unused_rules::warn_of_unused_rules;

//! What `areal compare` leaves out, and under which reason.

use areal_job::Manifest;
use tempfile::TempDir;

use crate::common::{ProgramRun, areal};

const HEADER: &str = "population,zone_id,zone_name,measure,class_code,class_name,unit,mapped,estimate,standard_error,cv,relative_error,low,high,\
                      n,effective_n,method,interval,quality,suppressed";

/// The cells of a zone's estimate with an interval.
const WHOLE: &str = "100,110,10,0.09,0.18,90,130,40,38,direct,wilson,good,";
/// An interval without width, no interval, and a suppressed estimate.
const NO_WIDTH: &str = "100,110,10,0.09,0.18,110,110,40,38,direct,wilson,good,";
const NO_INTERVAL: &str = "100,110,10,0.09,,,,40,38,synthetic,none,usable,";
const SUPPRESSED: &str = "100,,,,,,,3,3,direct,none,,primary";

fn compare(old: &[&str], new: &[&str]) -> ProgramRun {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let paths = [("old", old), ("new", new)].map(|(name, rows)| {
        let path = folder.path().join(format!("{name}.csv"));
        let line = |(k, cells): (usize, &&str)| format!("zone,Z{k},,area,1,rubber,km2,{cells}\n");
        let rows: String = rows.iter().enumerate().map(line).collect();
        std::fs::write(&path, format!("{HEADER}\n{rows}")).unwrap();
        path.to_string_lossy().into_owned()
    });
    areal(["compare", &paths[0], &paths[1]])
}

/// A row without width in the old table and suppressed in the new one was told twice.
#[test]
fn an_estimate_is_left_out_under_one_reason() {
    let run = compare(&[WHOLE, NO_WIDTH, NO_WIDTH, NO_INTERVAL], &[WHOLE, SUPPRESSED, WHOLE, NO_WIDTH]).expect(0);
    let run = run.says(&["1 estimate is not compared: suppressed in one of the tables or both"]);
    assert!(!run.stderr.contains("Z1"), "{}", run.stderr);
    for zone in ["Z2", "Z3"] {
        assert_eq!(run.stderr.matches(&format!("{zone}: not compared, because one of its intervals")).count(), 1);
    }
    assert!(!run.stderr.contains("without an interval"), "{}", run.stderr);
}

/// Estimates without intervals got the advice to compare the same zones and classes, which they were.
#[test]
fn tables_without_a_pair_to_compare_say_why_with_numbers() {
    let rows = [NO_INTERVAL, NO_INTERVAL];
    let run = compare(&rows, &rows).expect(3);
    let run = run.says(&[
        "no estimate of the two tables can be compared: 2 estimates without an interval",
        "--zone-method direct",
    ]);
    assert!(!run.stderr.contains("same zones"), "{}", run.stderr);
    compare(&[SUPPRESSED, NO_WIDTH], &[WHOLE, WHOLE, WHOLE]).expect(3).says(&[
        "1 estimate in only one of the tables; 1 estimate suppressed in one of the tables or both; 1 estimate with an interval without width",
        "compare estimates of the same zones and classes; estimate again with a lower --suppress-below",
    ]);
    compare(&[], &[]).expect(3).says(&["can be compared", "`areal estimate`"]);
}

/// A digit changed in `estimates.csv` went into comparisons and reports.
#[test]
fn estimates_that_were_changed_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("estimates.csv");
    std::fs::write(&table, format!("{HEADER}\nzone,Z1,,area,1,rubber,km2,{WHOLE}\n")).unwrap();
    Manifest::of(folder.path(), |_| false).unwrap().write(folder.path()).unwrap();
    let folder_name = folder.path().to_str().unwrap();
    areal(["compare", folder_name, folder_name]).expect(0);
    std::fs::write(&table, format!("{HEADER}\nzone,Z1,,area,1,rubber,km2,{NO_INTERVAL}\n")).unwrap();
    areal(["compare", folder_name, folder_name])
        .expect(3)
        .says(&["estimates.csv", "changed or damaged since areal wrote it"]);
}

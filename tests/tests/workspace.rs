//! The workspace as a whole: which crate may use which, under which licences, from where.
//!
//! `crates/README.md` and `deny.toml` say what is allowed; the truth comes from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::workspace;

/// What `cargo metadata` says of this workspace and all that it is built from.
fn metadata() -> serde_json::Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // For this platform only: what others need is not downloaded.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &platform])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// Names that a crate of the table uses in its library or program, and that the table lists: other crates of this
/// workspace, `burn` and `gdal`.
fn links(metadata: &serde_json::Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let manifest = package["manifest_path"].as_str().unwrap();
        if !package["source"].is_null() || !manifest.contains("/crates/") {
            continue;
        }
        let normal = package["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null());
        let names = normal.map(|d| d["name"].as_str().unwrap().to_owned());
        let listed = |n: &String| n.starts_with("areal") || ["burn", "gdal", "gdal-sys"].contains(&n.as_str());
        found.insert(name.to_owned(), names.filter(listed).collect());
    }
    found
}

/// The table of `crates/README.md`: of each crate the names in the column "uses".
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(workspace().join("crates/README.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let names = |cell: &str| -> BTreeSet<String> {
        cell.split(',').map(|n| n.trim().trim_matches('`').to_owned()).filter(|n| !n.is_empty() && n != "-").collect()
    };
    cells.map(|row| (row[1].trim_matches('`').to_owned(), names(row[2]))).collect()
}

#[test]
fn the_map_of_the_crates_is_what_cargo_links() {
    let (map, found) = (table(), links(&metadata()));
    let of = |t: &BTreeMap<String, BTreeSet<String>>| t.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(of(&map), of(&found), "crates in the table of crates/README.md, and in crates/");
    for (name, uses) in &found {
        assert_eq!(&map[name], uses, "what crates/README.md says that {name} uses, and what its Cargo.toml lists");
    }
}

#[test]
fn gdal_is_linked_in_one_place_and_statistics_know_no_network() {
    let found = links(&metadata());
    for (name, uses) in &found {
        let links_gdal = uses.contains("gdal") || uses.contains("gdal-sys");
        assert_eq!(links_gdal, name == "areal-raster", "{name}");
    }
    // Whatever a crate reaches through others counts too.
    let reached = |start: &str| {
        let mut all = BTreeSet::from([start.to_owned()]);
        let mut open = vec![start.to_owned()];
        while let Some(name) = open.pop() {
            for next in found.get(&name).into_iter().flatten() {
                if all.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        all
    };
    for (name, never) in [
        ("areal-grid", &["burn", "gdal"][..]),
        ("areal-formats", &["burn", "gdal"]),
        ("areal-kernels", &["burn", "gdal", "areal-grid"]),
        ("areal-estimate", &["burn", "gdal", "areal-raster"]),
        ("areal-survey", &["burn"]),
        ("areal-zones", &["burn"]),
        ("areal-report", &["burn", "gdal"]),
        ("areal-model", &["gdal", "areal-kernels"]),
        ("areal-train", &["gdal"]),
    ] {
        let all = reached(name);
        let wrong: Vec<_> = never.iter().filter(|n| all.contains(**n)).collect();
        assert!(wrong.is_empty(), "{name} must never know {wrong:?}, and reaches {all:?}");
    }
}

/// Every source file of the workspace.
fn sources() -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = ["crates", "tests", "benches"].map(|f| workspace().join(f)).to_vec();
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn a_source_file_is_small_and_opens_with_what_it_is_for() {
    let all = sources();
    assert!(all.len() > 300, "{}", all.len());
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() <= 16 * 1024, "{} has {} bytes, 16 KB are the most", path.display(), text.len());
        // Attributes of a whole file may stand above.
        let first = text.lines().find(|line| !line.starts_with("#!["));
        assert!(first.is_some_and(|line| line.starts_with("//!")), "{} does not open with //!", path.display());
    }
}

/// The licence that `deny.toml` states for a crate whose manifest has no expression.
fn clarified<'a>(deny: &'a toml::Table, name: &str) -> Option<&'a str> {
    let all = deny["licenses"].get("clarify").and_then(toml::Value::as_array)?;
    all.iter().find(|one| one["crate"].as_str() == Some(name))?["expression"].as_str()
}

#[test]
fn licences_and_sources_are_those_of_deny_toml() {
    let deny: toml::Table = toml::from_str(&fs::read_to_string(workspace().join("deny.toml")).unwrap()).unwrap();
    let list = |key: &str| -> Vec<String> {
        let list = deny["licenses"].get(key).and_then(toml::Value::as_array);
        list.into_iter().flatten().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    let allowed: Vec<spdx::Licensee> = list("allow").iter().map(|l| spdx::Licensee::parse(l).unwrap()).collect();
    let mut wrong = Vec::new();
    let mut unused: BTreeSet<usize> = (0..allowed.len()).collect();
    for package in metadata()["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let from = package["source"].as_str().unwrap_or("");
        if !from.is_empty() && !from.starts_with("registry+") {
            wrong.push(format!("{name} comes from {from}"));
        }
        let licence = package["license"].as_str().or(clarified(&deny, name)).unwrap_or("");
        let Ok(expression) = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX) else {
            wrong.push(format!("{name} has the licence \"{licence}\""));
            continue;
        };
        let fits = |required: &spdx::LicenseReq| {
            let found = allowed.iter().position(|l| l.satisfies(required));
            unused.retain(|k| Some(*k) != found);
            found.is_some()
        };
        let fits = std::cell::RefCell::new(fits);
        if !expression.evaluate(|required| (fits.borrow_mut())(required)) {
            wrong.push(format!("{name} has the licence {licence}"));
        }
    }
    assert!(wrong.is_empty(), "not allowed by deny.toml: {wrong:#?}");
    let unused: Vec<_> = unused.iter().map(|k| allowed[*k].to_string()).collect();
    assert!(unused.is_empty(), "deny.toml allows licences that nothing has: {unused:?}");
}

/// Crates that `deny.toml` forbids are not built from, and those in two versions are listed: they double what is compiled.
#[test]
fn forbidden_crates_are_absent_and_doubled_ones_are_told() {
    let deny: toml::Table = toml::from_str(&fs::read_to_string(workspace().join("deny.toml")).unwrap()).unwrap();
    let forbidden: BTreeSet<&str> =
        deny["bans"]["deny"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(!forbidden.is_empty());
    let metadata = metadata();
    // What is resolved for this platform; a lock file also names what other platforms need.
    let built: BTreeSet<&str> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        if built.contains(package["id"].as_str().unwrap()) {
            versions.entry(package["name"].as_str().unwrap()).or_default().push(package["version"].as_str().unwrap());
        }
    }
    let found: Vec<_> = forbidden.iter().filter(|name| versions.contains_key(*name)).collect();
    assert!(found.is_empty(), "deny.toml forbids {found:?}");
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        println!("{name} is built in versions {}", versions.join(", "));
    }
}

/// The kept advisories against every version in Cargo.lock.
#[test]
fn a_kept_advisory_that_applies_is_ignored_with_a_reason() {
    let table =
        |path: &str| -> toml::Table { toml::from_str(&fs::read_to_string(workspace().join(path)).unwrap()).unwrap() };
    let (lock, kept, deny) = (table("Cargo.lock"), table("tests/advisories.toml"), table("deny.toml"));
    let text = |value: &toml::Value, key: &str| value[key].as_str().unwrap().to_owned();
    let list = |table: &toml::Table, key: &str| table[key].as_array().unwrap().clone();
    let mut applies = BTreeSet::new();
    for advisory in list(&kept, "advisory") {
        let affected: Vec<semver::VersionReq> =
            advisory["affected"].as_array().unwrap().iter().map(|r| r.as_str().unwrap().parse().unwrap()).collect();
        let name = text(&advisory, "crate");
        let packages = list(&lock, "package");
        let mut versions = packages.iter().filter(|p| text(p, "name") == name).map(|p| text(p, "version")).peekable();
        assert!(versions.peek().is_some(), "{name} is not in Cargo.lock: drop its advisories");
        if versions.any(|version| affected.iter().any(|range| range.matches(&version.parse().unwrap()))) {
            applies.insert(text(&advisory, "id"));
        }
    }
    let ignored: Vec<toml::Value> = deny["advisories"]["ignore"].as_array().unwrap().clone();
    assert!(ignored.iter().all(|one| !text(one, "reason").is_empty()));
    assert_eq!(
        applies,
        ignored.iter().map(|one| text(one, "id")).collect(),
        "what applies, and what deny.toml ignores"
    );
}

//! What the README and the other documents name exists: commands, flags, files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::common::{areal, workspace};

/// Documents of what the present program does; the changelog names former flags.
fn documents() -> Vec<PathBuf> {
    let root = workspace();
    let mut all: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "benches/README.md", "models/README.md", "crates/README.md"]
            .map(|name| root.join(name))
            .into();
    all.extend(fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    all.extend(fs::read_dir(root.join("crates")).unwrap().map(|entry| entry.unwrap().path().join("README.md")));
    all.retain(|path| path.extension().is_some_and(|e| e == "md") && path.exists());
    all.sort();
    assert!(all.len() > 6, "{all:?}");
    all
}

/// The flags of each command, as its help lists them.
fn flags() -> BTreeMap<String, BTreeSet<String>> {
    let listed = |help: &str, start: &str| -> BTreeSet<String> {
        let lines = help.lines().map(str::trim_start);
        // `--flag <VALUE>`, or `-q, --quiet`.
        let flags =
            lines.filter(|line| line.starts_with('-')).flat_map(|line| line.split([' ', ',', '=', '[']).take(3));
        flags.filter(|word| word.starts_with(start)).map(str::to_owned).collect()
    };
    let help = areal(["--help"]).expect(0).stdout;
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    let names = commands.filter(|line| !line.starts_with("    ")).filter_map(|line| line.split_whitespace().next());
    let of = |name: &str| (name.to_owned(), listed(&areal([name, "--help"]).expect(0).stdout, "--"));
    let all: BTreeMap<_, _> = names.filter(|name| *name != "help").map(of).collect();
    assert!(all.len() > 15 && all["predict"].contains("--stride") && all["train"].contains("--quiet"), "{all:?}");
    all
}

/// What stands in backticks or in an indented block, a line each; a line that ends in a backslash goes on in the next one.
fn code(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let joined = text.replace("\\\n", " ");
    for line in joined.lines() {
        if line.starts_with("    ") {
            found.push(line.trim().to_owned());
        }
    }
    // A span may be broken over two lines.
    found.extend(
        joined.split('`').skip(1).step_by(2).filter(|span| span.len() < 300).map(|span| span.replace('\n', " ")),
    );
    found
}

/// The flags in a piece of code after each command that it names: (command, flag), without a command where it begins with the flag.
fn named_flags(code: &str, commands: &BTreeMap<String, BTreeSet<String>>) -> Vec<(Option<String>, String)> {
    let code = code.split(" #").next().unwrap_or(code);
    let mut words = code.split_whitespace().peekable();
    let mut command = None;
    match words.peek() {
        Some(&"areal") => {
            words.next();
            command = words.next_if(|word| commands.contains_key(*word)).map(str::to_owned);
            if command.is_none() {
                return Vec::new();
            }
        }
        Some(word) if commands.contains_key(*word) => command = words.next().map(str::to_owned),
        Some(word) if word.starts_with("--") => {}
        // Another program.
        _ => return Vec::new(),
    }
    let flag = |word: &str| {
        let flag = word.split(['=', ',', ';', '|', ')', ']', '\'']).next().unwrap_or("");
        (flag.starts_with("--") && flag.len() > 2).then(|| flag.to_owned())
    };
    words.filter_map(|word| Some((command.clone(), flag(word.trim_start_matches(['(', '[']))?))).collect()
}

#[test]
fn every_flag_that_a_document_names_exists() {
    let commands = flags();
    // Of `scripts/test` and of cargo.
    let others = ["--gpu", "--release", "--package", "--features", "--bench"];
    let mut checked = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for piece in code(&text) {
            for (command, flag) in named_flags(&piece, &commands) {
                let is_known = match &command {
                    Some(command) => commands[command].contains(&flag),
                    None => others.contains(&flag.as_str()) || commands.values().any(|flags| flags.contains(&flag)),
                };
                assert!(is_known, "{}: `{piece}` names {flag}, which {command:?} does not have", path.display());
                checked += 1;
            }
        }
    }
    assert!(checked > 60, "only {checked} flags were found in the documents");
}

#[test]
fn every_file_that_a_document_names_exists() {
    let root = workspace();
    let folders = ["crates/", "scripts/", "docs/", "tests/", "models/", "benches/"];
    let mut checked = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        let beside = path.parent().unwrap();
        let links =
            text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://"));
        for link in links {
            let file = link.split('#').next().unwrap_or(link);
            assert!(file.is_empty() || beside.join(file).exists(), "{}: link to {link}", path.display());
            checked += 1;
        }
        for piece in code(&text) {
            let word = piece.split_whitespace().next().unwrap_or("").trim_end_matches([':', ',', ';']);
            let is_pattern = word.contains(['*', '<', '{'])
                || word.split('/').any(|part| part == part.to_uppercase() && part.len() > 2);
            if folders.iter().any(|folder| word.starts_with(folder)) && !is_pattern {
                let exists = root.join(word).exists() || beside.join(word).exists();
                // The files of the NAME that a how-to is about.
                assert!(exists || word.contains("NAME"), "{}: `{word}` does not exist", path.display());
                checked += 1;
            }
        }
    }
    assert!(checked > 30, "only {checked} files were found in the documents");
}

#[test]
fn the_table_of_commands_in_the_readme_has_them_all() {
    let text = fs::read_to_string(workspace().join("README.md")).unwrap();
    let table = text
        .lines()
        .skip_while(|line| !line.starts_with("| command |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let named: BTreeSet<String> = table
        .flat_map(|line| {
            line.split('|').nth(1).unwrap_or("").split(',').map(|name| name.trim().replace('`', "")).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(named, flags().into_keys().collect());
}

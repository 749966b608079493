//! The program as a process: built once, run, interrupted.

use std::ffi::OsStr;
use std::fs::DirEntry;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::workspace;

/// What one run of the program gave back.
pub struct ProgramRun {
    /// Exit code; 128 and the number of the signal that ended it.
    pub code: i32,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr, with the line breaks of its frame taken out: one space between words.
    pub stderr: String,
}

impl ProgramRun {
    /// Fails the test with all that was said, unless the program ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Fails the test unless stderr holds every one of these.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "stderr lacks {word:?}:\n{}", self.stderr);
        }
        self
    }

    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}:\n{}", self.stdout))
    }
}

/// Path of the program, built once.
pub fn binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        // This package cannot name the program's as a dependency of its binary; cargo builds it into the same folder.
        let mut path = std::env::current_exe().expect("the test has a path");
        path.pop();
        path.pop();
        path.push("areal");
        if std::env::var_os("AREAL_TESTS_NO_BUILD").is_none() {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet", "--package", "areal"]).current_dir(workspace());
            if path.parent().is_some_and(|p| p.ends_with("release")) {
                build.arg("--release");
            }
            assert!(build.status().expect("cargo runs").success(), "the program does not build");
        }
        path
    });
    &BINARY
}

/// The program, to be interrupted: whoever started the tests may have them ignore Ctrl-C, and what they start with them.
pub fn interruptible() -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=INT").arg(binary());
    command
}

/// Starts a job in a folder, interrupts it as soon as its journal `.OUT.resume` or checkpoint `.OUT.checkpoint` holds a piece of
/// work, and waits.
#[track_caller]
pub fn interrupt_when_work_is_kept<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>, kept: &Path) {
    let mut command = interruptible();
    let mut child = command.current_dir(folder).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_work = |entry: std::io::Result<DirEntry>| {
        let path = entry.unwrap().path();
        path.ends_with("state.json") || path.extension().is_some_and(|ending| ending == "shard")
    };
    let kept = || std::fs::read_dir(kept).is_ok_and(|mut entries| entries.any(is_work));
    let start = Instant::now();
    while !kept() && start.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130), "the job was over before it was interrupted");
}

/// Starts a command, interrupts it once it has said so many lines on stderr, and gives its exit code: none where the signal
/// ended it before its handler stood. Fewer lines than that and it ends by itself.
#[track_caller]
pub fn interrupt_after_lines(command: &mut Command, lines: usize) -> Option<i32> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut talk = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
    let said = talk.by_ref().take(lines).count();
    if said == lines {
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    }
    // What it still says must not fill the pipe.
    talk.for_each(drop);
    child.wait().unwrap().code()
}

/// Runs the program.
pub fn areal<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> ProgramRun {
    run(Command::new(binary()).args(args))
}

/// Runs any command.
pub fn run(command: &mut Command) -> ProgramRun {
    use std::os::unix::process::ExitStatusExt;
    let output = command.output().unwrap_or_else(|e| panic!("{command:?} does not run: {e}"));
    let status = output.status;
    ProgramRun {
        code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: unframe(&String::from_utf8_lossy(&output.stderr)),
    }
}

/// The text of an error report without its frame, so that a test does not depend on where lines break.
fn unframe(text: &str) -> String {
    let plain = text.replace(['│', '×', '╰', '─', '▶', '├'], " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// True when a command-line tool is installed.
pub fn has_tool(name: &str) -> bool {
    Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success())
}

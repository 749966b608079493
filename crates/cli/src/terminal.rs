//! Progress and log lines on stderr: bars on a terminal, periodic lines otherwise. Write errors on stderr (a full disk, a
//! closed terminal) are ignored, so messages never stop a job.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use areal_job::{Progress, Task, Unit};
use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};
use tracing::level_filters::LevelFilter;

use crate::args::Global;

/// Sends log lines to stderr, above any bars. Returns the bars if stderr is a terminal that can show them.
pub fn init_logging(global: &Global) -> Option<MultiProgress> {
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::WARN,
        (_, true) => LevelFilter::DEBUG,
        _ => LevelFilter::INFO,
    };
    let target = || ProgressDrawTarget::term_like_with_hz(Box::new(Screen(Term::buffered_stderr())), REDRAWS);
    // A dumb terminal cannot move its cursor.
    let can_draw = stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb");
    let bars = (can_draw && !global.quiet).then(|| MultiProgress::with_draw_target(target()));
    let writer = LogWriter(bars.clone());
    // RUST_LOG sets the log level by crate, for debugging.
    let filter = tracing_subscriber::EnvFilter::builder().with_default_directive(LevelFilter::WARN.into());
    let filter = match std::env::var("RUST_LOG") {
        Ok(directives) => filter.parse_lossy(directives),
        // The names of all crates of areal begin so.
        Err(_) => filter.parse_lossy(format!("areal={level}")),
    };
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || writer.clone())
        // Not with NO_COLOR, nor on a terminal that has no colours.
        .with_ansi(stderr().is_terminal() && console::colors_enabled_stderr())
        .without_time()
        .with_target(false)
        .try_init();
    bars
}

#[derive(Clone)]
struct LogWriter(Option<MultiProgress>);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let write = || drop(stderr().write_all(bytes));
        match &self.0 {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        drop(stderr().flush());
        Ok(())
    }
}

/// How often bars are drawn, times a second.
const REDRAWS: u8 = 20;

/// The terminal that bars are drawn on. Write errors are ignored.
#[derive(Debug)]
struct Screen(Term);

macro_rules! always {
    ($($name:ident($($argument:ident: $type:ty),*)),*) => {
        $(fn $name(&self $(, $argument: $type)*) -> std::io::Result<()> {
            drop(TermLike::$name(&self.0 $(, $argument)*));
            Ok(())
        })*
    };
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        TermLike::width(&self.0)
    }

    fn height(&self) -> u16 {
        TermLike::height(&self.0)
    }

    always!(
        move_cursor_up(n: usize),
        move_cursor_down(n: usize),
        move_cursor_right(n: usize),
        move_cursor_left(n: usize),
        write_line(text: &str),
        write_str(text: &str),
        clear_line(),
        flush()
    );
}

/// Progress as bars on a terminal.
pub struct Bars(MultiProgress);

impl Bars {
    pub fn new(bars: MultiProgress) -> Self {
        Self(bars)
    }
}

impl Progress for Bars {
    fn task(&self, name: &str, total: Option<u64>, unit: Unit) -> Box<dyn Task> {
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{prefix:>14} {bar:30} {human_pos}/{human_len} UNIT, {rate}, {eta} left {msg}",
            ),
            None => (ProgressBar::no_length(), "{prefix:>14} {spinner} {human_pos} UNIT, {rate} {msg}"),
        };
        let bar = self.0.add(bar).with_prefix(name.to_owned());
        if let Ok(style) = ProgressStyle::with_template(&template.replace("UNIT", unit.word())) {
            let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = write!(out, "{:.1}/s", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate));
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Box::new(BarTask(bar))
    }
}

struct BarTask(ProgressBar);

impl Task for BarTask {
    fn advance(&self, units: u64) {
        self.0.inc(units);
    }

    fn remark(&self, text: &str) {
        self.0.set_message(text.to_owned());
    }
}

impl Drop for BarTask {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// Progress as log lines: a line at the start and at the end of a task, and one every ten seconds between.
pub struct LogLines;

const SPACING: Duration = Duration::from_secs(10);

impl Progress for LogLines {
    fn task(&self, name: &str, total: Option<u64>, unit: Unit) -> Box<dyn Task> {
        let now = Instant::now();
        Box::new(LogTask {
            name: name.to_owned(),
            total,
            unit,
            done: AtomicU64::new(0),
            start: now,
            last: Mutex::new((now, String::new())),
        })
    }
}

struct LogTask {
    name: String,
    total: Option<u64>,
    unit: Unit,
    done: AtomicU64,
    start: Instant,
    last: Mutex<(Instant, String)>,
}

impl LogTask {
    fn line(&self, remark: &str) -> String {
        let done = self.done.load(Ordering::Relaxed);
        let of = self.total.map(|t| format!("/{t}")).unwrap_or_default();
        let seconds = self.start.elapsed().as_secs_f64();
        let rate = done as f64 / seconds.max(1e-9);
        let remark = if remark.is_empty() { String::new() } else { format!("; {remark}") };
        format!("{}: {done}{of} {} in {seconds:.1} s, {rate:.1}/s{remark}", self.name, self.unit.word())
    }
}

impl Task for LogTask {
    fn advance(&self, units: u64) {
        self.done.fetch_add(units, Ordering::Relaxed);
        if let Ok(mut last) = self.last.try_lock()
            && last.0.elapsed() >= SPACING
        {
            last.0 = Instant::now();
            tracing::info!("{}", self.line(&last.1));
        }
    }

    fn remark(&self, text: &str) {
        if let Ok(mut last) = self.last.lock() {
            text.clone_into(&mut last.1);
        }
    }
}

impl Drop for LogTask {
    fn drop(&mut self) {
        let remark = self.last.lock().map(|last| last.1.clone()).unwrap_or_default();
        tracing::info!("{}", self.line(&remark));
    }
}

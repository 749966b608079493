//! Samples from the landscape, estimators on each, and how often their intervals hold the truth.

use areal_estimate::{
    Interval, StratifiedSample, Stratum, accuracy, difference, fraction_interval, mean_interval, post_stratified,
    prediction_powered, regression, whole_interval,
};
use rand::SeedableRng;
use rand::seq::index::sample as draw;
use rand_chacha::ChaCha8Rng;

use crate::landscape::{CLASSES, Landscape, NAMES, SIDE};

/// One estimator of one number over all samples.
pub struct Line {
    pub estimator: String,
    pub of: String,
    pub truth: f64,
    pub mean: f64,
    /// Mean of the standard errors it claims.
    pub claimed: f64,
    /// Standard deviation of its estimates over the samples.
    pub spread: f64,
    pub coverage: f64,
    /// Units that a simple random sample needs for the same error, over those used, less one.
    pub saved: Option<f64>,
    /// True when it claims its intervals hold.
    pub claims: bool,
}

impl Line {
    pub fn bias(&self) -> f64 {
        self.mean / self.truth - 1.0
    }
}

#[derive(Default)]
struct CoverageTally {
    values: Vec<f64>,
    errors: Vec<f64>,
    covered: usize,
}

impl CoverageTally {
    fn add(&mut self, value: f64, error: f64, interval: Interval, truth: f64) {
        self.values.push(value);
        self.errors.push(error);
        self.covered += usize::from(interval.covers(truth));
    }

    fn line(&self, estimator: &str, of: &str, truth: f64, simple_variance: Option<f64>) -> Line {
        let n = self.values.len() as f64;
        let mean = self.values.iter().sum::<f64>() / n;
        let variance = self.values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Line {
            estimator: estimator.into(),
            of: of.into(),
            truth,
            mean,
            claimed: self.errors.iter().sum::<f64>() / n,
            spread: variance.sqrt(),
            coverage: self.covered as f64 / n,
            saved: simple_variance.map(|v| v / variance - 1.0),
            claims: true,
        }
    }
}

pub const LEVEL: f64 = 0.95;
/// Units in a stratified sample: by map class, rare classes over-represented.
const PER_STRATUM: [usize; CLASSES] = [150, 150, 250, 250];
const SIMPLE: usize = 800;

pub struct Drawn {
    pub sample: StratifiedSample,
    pub cells: Vec<usize>,
}

/// Simple random sampling within strata of cells.
pub fn stratified(rng: &mut ChaCha8Rng, strata: &[Vec<usize>], n: &[usize]) -> Drawn {
    let (mut cells, mut units) = (Vec::new(), Vec::new());
    for (h, (members, &n)) in strata.iter().zip(n).enumerate() {
        for k in draw(rng, members.len(), n) {
            cells.push(members[k]);
            units.push((h, 1.0));
        }
    }
    let strata = strata
        .iter()
        .enumerate()
        .map(|(h, m)| Stratum { name: h.to_string(), population: m.len() as u64, area: m.len() as f64 })
        .collect();
    Drawn { sample: StratifiedSample::new(strata, &units, true).unwrap(), cells }
}

pub fn simulate(samples: usize) -> Vec<Line> {
    let land = Landscape::new(11);
    let all: Vec<usize> = (0..SIDE * SIDE).collect();
    let by_map: Vec<Vec<usize>> =
        (0..CLASSES).map(|c| all.iter().copied().filter(|&k| land.map[k] == c).collect()).collect();
    // Strata that are not the map's classes: its quarters.
    let by_quarter: Vec<Vec<usize>> = (0..4)
        .map(|q| all.iter().copied().filter(|&k| k / SIDE / (SIDE / 2) * 2 + k % SIDE / (SIDE / 2) == q).collect())
        .collect();
    let whole = vec![all.clone()];
    // Parts with seeds of their own, whatever the number of processors.
    let part = |k: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(2024 + k);
        let mut book = Book::new(&land);
        for _ in 0..samples / PARTS {
            book.map_strata(&stratified(&mut rng, &by_map, &PER_STRATUM));
            book.other_strata(&stratified(&mut rng, &by_quarter, &[SIMPLE / 4; 4]));
            book.simple(&stratified(&mut rng, &whole, &[SIMPLE]));
        }
        book
    };
    let books = in_parts(part);
    books.into_iter().reduce(Book::join).unwrap().lines()
}

/// Parts that the samples are drawn in, each on a thread.
pub const PARTS: usize = 4;

/// Does every part on a thread of its own.
pub fn in_parts<T: Send>(part: impl Fn(u64) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..PARTS as u64)
            .map(|k| {
                scope.spawn({
                    let part = &part;
                    move || part(k)
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

/// All tallies, by estimator and number.
struct Book<'a> {
    land: &'a Landscape,
    fractions: Vec<f64>,
    mapped: Vec<f64>,
    /// Fraction of the area that the map has right, by class.
    hits: Vec<f64>,
    probability: Vec<f64>,
    wealth: f64,
    wealth_variance: f64,
    wealth_map: f64,
    entries: Vec<(String, String, f64, Option<f64>, CoverageTally)>,
}

impl<'a> Book<'a> {
    fn new(land: &'a Landscape) -> Self {
        let n = land.wealth.len() as f64;
        let wealth = land.wealth.iter().sum::<f64>() / n;
        let both = || land.truth.iter().zip(&land.map);
        Self {
            fractions: (0..CLASSES).map(|c| land.fraction(c)).collect(),
            mapped: (0..CLASSES).map(|c| land.mapped(c)).collect(),
            hits: (0..CLASSES).map(|c| both().filter(|&(t, m)| *t == c && *m == c).count() as f64 / n).collect(),
            probability: (0..CLASSES).map(|c| land.probability.iter().map(|p| p[c]).sum::<f64>() / n).collect(),
            wealth_variance: land.wealth.iter().map(|w| (w - wealth).powi(2)).sum::<f64>() / n,
            wealth_map: land.wealth_map.iter().sum::<f64>() / n,
            wealth,
            land,
            entries: Vec::new(),
        }
    }

    fn tally(&mut self, estimator: &str, of: &str, truth: f64, simple: Option<f64>) -> &mut CoverageTally {
        let found = self.entries.iter().position(|e| e.0 == estimator && e.1 == of);
        let k = found.unwrap_or_else(|| {
            self.entries.push((estimator.into(), of.into(), truth, simple, CoverageTally::default()));
            self.entries.len() - 1
        });
        &mut self.entries[k].4
    }

    /// The tallies of two parts as one.
    fn join(mut self, other: Self) -> Self {
        for (mine, theirs) in self.entries.iter_mut().zip(other.entries) {
            mine.4.values.extend(theirs.4.values);
            mine.4.errors.extend(theirs.4.errors);
            mine.4.covered += theirs.4.covered;
        }
        self
    }

    fn fraction(&mut self, estimator: &str, class: usize, y: &[f64], e: &areal_estimate::Estimate) {
        let truth = self.fractions[class];
        let simple = truth * (1.0 - truth) / e.n as f64;
        let found = y.iter().filter(|y| **y > 0.0).count();
        let interval = whole_interval(e, found, LEVEL);
        let of = format!("area of {}", NAMES[class]);
        self.tally(estimator, &of, truth, Some(simple)).add(e.value, e.standard_error, interval, truth);
    }

    fn wealth(&mut self, estimator: &str, e: &areal_estimate::Estimate) {
        let truth = self.wealth;
        let variance = self.wealth_variance / e.n as f64;
        let interval = mean_interval(e, LEVEL);
        self.tally(estimator, "mean wealth", truth, Some(variance)).add(e.value, e.standard_error, interval, truth);
    }

    fn reference(&self, cells: &[usize], class: usize) -> Vec<f64> {
        cells.iter().map(|&k| f64::from(self.land.truth[k] == class)).collect()
    }

    fn map_strata(&mut self, drawn: &Drawn) {
        let map: Vec<usize> = drawn.cells.iter().map(|&k| self.land.map[k]).collect();
        let truth: Vec<usize> = drawn.cells.iter().map(|&k| self.land.truth[k]).collect();
        let found = accuracy(&drawn.sample, &map, &truth, CLASSES).unwrap();
        for (c, class) in NAMES.iter().enumerate() {
            let y = self.reference(&drawn.cells, c);
            self.fraction("stratified by map class", c, &y, &found.classes[c].fraction);
            let (users, producers) = (self.hits[c] / self.mapped[c], self.hits[c] / self.fractions[c]);
            for (what, true_value, e) in
                [("user's", users, found.classes[c].users), ("producer's", producers, found.classes[c].producers)]
            {
                let e = e.unwrap();
                // Nothing to estimate where the map is never wrong.
                if true_value == 1.0 {
                    continue;
                }
                let interval = fraction_interval(&e, LEVEL);
                let name = format!("{what} accuracy of {class}");
                self.tally("stratified by map class", &name, true_value, None).add(
                    e.value,
                    e.standard_error,
                    interval,
                    true_value,
                );
            }
            // Probabilities help beyond the strata.
            let f: Vec<f64> = drawn.cells.iter().map(|&k| self.land.probability[k][c]).collect();
            let e = prediction_powered(&drawn.sample, &y, &f, self.probability[c]).unwrap();
            self.fraction("prediction-powered, stratified", c, &y, &e.mean);
        }
        let truth = self.hits.iter().sum();
        let e = found.overall;
        let interval = fraction_interval(&e, LEVEL);
        self.tally("stratified by map class", "overall accuracy", truth, None).add(
            e.value,
            e.standard_error,
            interval,
            truth,
        );
    }

    fn other_strata(&mut self, drawn: &Drawn) {
        for c in 0..CLASSES {
            let y = self.reference(&drawn.cells, c);
            let e = drawn.sample.mean(&y).unwrap();
            self.fraction("strata other than the map's", c, &y, &e);
        }
    }

    fn simple(&mut self, drawn: &Drawn) {
        let mapped = self.mapped.clone();
        let group: Vec<usize> = drawn.cells.iter().map(|&k| self.land.map[k]).collect();
        for c in 0..CLASSES {
            let y = self.reference(&drawn.cells, c);
            let f: Vec<f64> = group.iter().map(|&g| f64::from(g == c)).collect();
            let rows: Vec<Vec<f64>> = f.iter().map(|f| vec![1.0, *f]).collect();
            let s = &drawn.sample;
            let found = [
                ("simple random sample", s.mean(&y).unwrap()),
                ("post-stratified", post_stratified(s, &y, &group, &mapped).unwrap().mean),
                ("difference", difference(s, &y, &f, mapped[c]).unwrap().mean),
                ("regression", regression(s, &y, &rows, &[1.0, mapped[c]]).unwrap().mean),
                ("prediction-powered", prediction_powered(s, &y, &f, mapped[c]).unwrap().mean),
            ];
            for (name, e) in found {
                self.fraction(name, c, &y, &e);
            }
        }
        self.simple_wealth(drawn);
    }

    fn simple_wealth(&mut self, drawn: &Drawn) {
        let s = &drawn.sample;
        let y: Vec<f64> = drawn.cells.iter().map(|&k| self.land.wealth[k]).collect();
        let f: Vec<f64> = drawn.cells.iter().map(|&k| self.land.wealth_map[k]).collect();
        let mean = self.wealth_map;
        let rows: Vec<Vec<f64>> = f.iter().map(|f| vec![1.0, *f]).collect();
        let found = [
            ("simple random sample", s.mean(&y).unwrap()),
            ("difference", difference(s, &y, &f, mean).unwrap().mean),
            ("regression", regression(s, &y, &rows, &[1.0, mean]).unwrap().mean),
            ("prediction-powered", prediction_powered(s, &y, &f, mean).unwrap().mean),
        ];
        for (name, e) in found {
            self.wealth(name, &e);
        }
    }

    fn lines(self) -> Vec<Line> {
        let mut lines: Vec<Line> =
            self.entries.iter().map(|(name, of, truth, simple, t)| t.line(name, of, *truth, *simple)).collect();
        for line in &lines {
            assert!(line.spread > 0.0, "{} of {} does not vary", line.estimator, line.of);
        }
        for (c, class) in NAMES.iter().enumerate() {
            let mapped = self.mapped[c];
            lines.push(Line {
                estimator: "pixel counting".into(),
                of: format!("area of {class}"),
                truth: self.fractions[c],
                mean: mapped,
                claimed: 0.0,
                spread: 0.0,
                coverage: 0.0,
                saved: None,
                claims: false,
            });
        }
        lines
    }
}

/// Coverage of every line with the band that 95 % and the number of samples allow.
pub fn plot(lines: &[Line]) -> String {
    let claims: Vec<&Line> = lines.iter().filter(|l| l.claims).collect();
    let (width, row, left, top) = (900.0, 18.0, 430.0, 40.0);
    let height = top + row * claims.len() as f64 + 30.0;
    let x = |coverage: f64| left + (coverage - 0.90) / 0.10 * (width - left - 30.0);
    let text = |x: f64, y: f64, anchor: &str, words: &str| {
        format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"12\">{words}</text>\n")
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <rect x=\"{:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#dbe9f4\"/>\n",
        x(0.94),
        x(0.96) - x(0.94),
        row * claims.len() as f64,
    );
    svg += &text(left, 20.0, "middle", "Fraction of 95 % intervals that hold the truth");
    for tick in [0.90, 0.92, 0.94, 0.95, 0.96, 0.98, 1.0] {
        svg += &text(x(tick), height - 10.0, "middle", &format!("{:.0} %", tick * 100.0));
    }
    for (k, line) in claims.iter().enumerate() {
        let y = top + row * (k as f64 + 0.7);
        svg += &text(left - 12.0, y, "end", &format!("{}: {}", line.estimator, line.of));
        svg += &format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"#0072b2\"/>\n",
            x(line.coverage.max(0.90)),
            y - 4.0
        );
    }
    svg + "</svg>\n"
}

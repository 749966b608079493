//! A picture of the coverage of classes that are missed, drawn from its table.

use std::fmt::Write;

use crate::omissions::METHODS;

const MAPS: [&str; 4] = ["80 %", "90 %", "97 %", "99.5 %"];
const COLOURS: [&str; 3] = ["#999999", "#e69f00", "#0072b2"];
/// Height of a line of dots, and where the dots begin and end.
const ROW: f64 = 22.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 880.0;

/// One dot for each number of the table `class_coverage.csv`: how often its interval holds the truth, by map and method.
/// The vertical line is the nominal 95 %.
pub fn missed_plot(table: &str) -> String {
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let bottom = 40.0 + ROW * (MAPS.len() * (METHODS.len() + 1)) as f64;
    let x = |coverage: f64| LEFT + coverage * (RIGHT - LEFT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"{}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\">Fraction of 95 % intervals of class areas that hold the truth, by accuracy of the map</text>\n\
         <line x1=\"{2:.1}\" x2=\"{2:.1}\" y1=\"30\" y2=\"{1}\" stroke=\"#555555\"/>\n",
        bottom + 20.0,
        bottom - 10.0,
        x(0.95),
    );
    for tick in 0..=5 {
        let place = f64::from(tick) / 5.0;
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{:.0} %</text>",
            x(place),
            bottom + 8.0,
            100.0 * place
        );
    }
    for (m, map) in MAPS.iter().enumerate() {
        for (k, method) in METHODS.iter().enumerate() {
            let y = 46.0 + ROW * (m * (METHODS.len() + 1) + k) as f64;
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{map}, {method}</text>",
                LEFT - 12.0,
                y + 4.0
            );
            for (n, row) in rows.iter().filter(|row| row[0] == *map).enumerate() {
                let coverage: f64 = row[6 + k].parse().expect("a coverage is a number");
                // Dots that would lie on each other are set apart.
                let below = (n % 5) as f64 * 2.5 - 5.0;
                let _ = writeln!(
                    svg,
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\" fill=\"{}\"/>",
                    x(coverage),
                    y + below,
                    COLOURS[k]
                );
            }
        }
    }
    svg + "</svg>\n"
}

//! Numbers for people.

/// Decimals that give the largest of some values about four significant digits.
pub fn decimals(values: impl Iterator<Item = f64>) -> usize {
    let largest = values.filter(|v| v.is_finite()).fold(0.0, |a: f64, v| a.max(v.abs()));
    match largest {
        v if v >= 1000.0 => 0,
        v if v >= 100.0 => 1,
        v if v >= 10.0 => 2,
        _ => 3,
    }
}

/// A number with thousands apart: `12 345.6`, with narrow no-break spaces and a true minus sign.
pub fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), ""), |(w, f)| (w, f));
    let mut out = String::with_capacity(text.len() + 4);
    if value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        out.push('\u{2212}');
    }
    for (k, digit) in whole.chars().enumerate() {
        if k > 0 && (whole.len() - k).is_multiple_of(3) && whole.len() > 4 {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A share as per cent.
pub fn percent(share: f64) -> String {
    format!("{}\u{202f}%", number(share * 100.0, 1))
}

/// The largest of 1, 2 or 5 times a power of ten that is not above `limit`.
pub fn round_below(limit: f64) -> f64 {
    let power = 10f64.powf(limit.log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|m| m * power).find(|v| *v <= limit * 1.000_001).unwrap_or(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_signed() {
        assert_eq!(number(1_234_567.891, 1), "1\u{202f}234\u{202f}567.9");
        assert_eq!(number(-0.0004, 3), "0.000");
        assert_eq!(number(-12.5, 1), "\u{2212}12.5");
        assert_eq!(number(f64::NAN, 1), "–");
        assert_eq!(number(1234.0, 0), "1234");
        assert_eq!(decimals([0.2, 45.0].into_iter()), 2);
    }

    #[test]
    fn a_round_length_stays_below() {
        assert_eq!([round_below(7300.0), round_below(2000.0), round_below(0.19)], [5000.0, 2000.0, 0.1]);
    }
}

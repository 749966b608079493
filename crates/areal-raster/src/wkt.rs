//! One text for one CRS.
//!
//! PROJ knows the datum of WGS 84 and of ETRS89 as an ensemble of realisations and as one datum. Which of the two it writes for
//! a code depends on what the process looked up before: its cache of datums is shared by both. Here it is always the datum.

/// WKT of 2019 in which every datum ensemble is written as the datum that it stands for.
pub(crate) fn without_ensembles(wkt: &str) -> String {
    let mut text = wkt.to_owned();
    while let Some((start, end)) = find_ensemble(&text) {
        let inner = &text[start + KEYWORD.len()..end - 1];
        let datum = datum(&parts(inner));
        text.replace_range(start..end, &datum);
    }
    text
}

const KEYWORD: &str = "ENSEMBLE[";

/// First byte of an ensemble, and the byte after it; `None` also where it has no end.
fn find_ensemble(text: &str) -> Option<(usize, usize)> {
    let (mut quoted, mut depth, mut start) = (false, 0usize, None);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' if start.is_some() => depth += 1,
            b'[' if text[..=at].ends_with(KEYWORD) => {
                start = Some(at + 1 - KEYWORD.len());
                depth = 1;
            }
            b']' if start.is_some() => {
                depth -= 1;
                if depth == 0 {
                    return Some((start?, at + 1));
                }
            }
            _ => {}
        }
    }
    None
}

/// The parts of a node between commas.
fn parts(inner: &str) -> Vec<&str> {
    let (mut quoted, mut depth, mut from, mut parts) = (false, 0usize, 0, Vec::new());
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(&inner[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[from..]);
    parts
}

/// As PROJ writes the datum of an ensemble.
fn datum(parts: &[&str]) -> String {
    let of_ensembles = ["MEMBER[", "ENSEMBLEACCURACY[", "ID["];
    let kept = parts.iter().filter(|part| !of_ensembles.iter().any(|keyword| part.trim_start().starts_with(keyword)));
    let kept: Vec<String> = kept.map(|part| part.replace(" ensemble\"", "\"")).collect();
    let vertical = !kept.iter().any(|part| part.trim_start().starts_with("ELLIPSOID["));
    format!("{}[{}]", if vertical { "VDATUM" } else { "DATUM" }, kept.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ensemble_becomes_its_datum_and_all_else_stays() {
        let ensemble = "GEOGCRS[\"WGS 84, \"\"ENSEMBLE[\"\"\",ENSEMBLE[\"World Geodetic System 1984 ensemble\",MEMBER[\"World \
                        Geodetic System 1984 (Transit)\"],MEMBER[\"(G730), [x]\"],ELLIPSOID[\"WGS 84\",6378137,298.257223563,\
                        LENGTHUNIT[\"metre\",1]],ENSEMBLEACCURACY[2.0]],PRIMEM[\"Greenwich\",0]]";
        let datum = "GEOGCRS[\"WGS 84, \"\"ENSEMBLE[\"\"\",DATUM[\"World Geodetic System 1984\",ELLIPSOID[\"WGS 84\",6378137,\
                     298.257223563,LENGTHUNIT[\"metre\",1]]],PRIMEM[\"Greenwich\",0]]";
        assert_eq!(without_ensembles(ensemble), datum);
        assert_eq!(without_ensembles(datum), datum);
        let vertical = "VERTCRS[\"a\",ENSEMBLE[\"b ensemble\",MEMBER[\"c\"],ENSEMBLEACCURACY[1]],CS[vertical,1]]";
        assert_eq!(without_ensembles(vertical), "VERTCRS[\"a\",VDATUM[\"b\"],CS[vertical,1]]");
        for cut in 0..ensemble.len() {
            without_ensembles(&ensemble[..cut]);
        }
    }
}

//! Names of bands, written in several ways for the same band.

/// The same text for names of one band: `b08a`, `B8a`, `Band 8A` and `B8A, central wavelength 865 nm`; also `SR_B4` for B4 where
/// `surface_prefix` says that the publisher of the weights writes so. Names that are none of a numbered band are compared without
/// regard to case and surrounding space.
pub(super) fn canonical(name: &str, surface_prefix: bool) -> String {
    let name = name.trim().to_uppercase();
    let first = name.strip_prefix("SR_").filter(|_| surface_prefix).unwrap_or(&name);
    if let Some(number) = first.strip_prefix("BAND").or_else(|| first.strip_prefix('B')) {
        let number = number.trim_start_matches([' ', '_', '-']);
        let end = number.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(number.len());
        let (number, rest) = number.split_at(end);
        let digits = number.strip_suffix('A').unwrap_or(number);
        let is_alone = rest.is_empty() || rest.starts_with([',', ' ', '(', ':', ';']);
        if !digits.is_empty() && digits.len() < 4 && digits.bytes().all(|c| c.is_ascii_digit()) && is_alone {
            return format!("B{}", number.trim_start_matches('0'));
        }
    }
    match name.as_str() {
        "R" => "RED".to_owned(),
        "G" => "GREEN".to_owned(),
        "B" => "BLUE".to_owned(),
        _ => name,
    }
}

/// True for the name that a band without a description gets from its place in a file, by areal and by other programs: `band 3`.
pub(super) fn is_place(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let number = name.strip_prefix("band").map(|n| n.trim_start_matches([' ', '_', '-']));
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{canonical, is_place};

    #[test]
    fn names_of_one_band_are_one() {
        for name in ["B8A", "b8a", " B08A ", "Band 8A", "B8A, central wavelength 865 nm"] {
            assert_eq!(canonical(name, false), "B8A", "{name}");
        }
        let of = |name| canonical(name, false);
        assert_eq!(["B1", "B01", "band_1", "B10", "b010"].map(of), ["B1", "B1", "B1", "B10", "B10"]);
        assert_eq!(["blue", "Blue ", "B", "nir", "VV"].map(of), ["BLUE", "BLUE", "BLUE", "NIR", "VV"]);
        // Neither a number nor too many digits.
        assert_eq!(["brightness", "B2019", "B"].map(of), ["BRIGHTNESS", "B2019", "BLUE"]);
    }

    /// `SR_B4` of Landsat 8 is red, and so is B4 of Sentinel-2, but `SR_B1` of Landsat 7 is blue.
    #[test]
    fn the_prefix_of_landsat_is_left_off_only_for_landsat() {
        assert_eq!([true, false].map(|of_landsat| canonical("SR_B4", of_landsat)), ["B4", "SR_B4"]);
    }

    #[test]
    fn a_place_in_a_file_is_no_name() {
        assert!(["band 1", "Band 12", "band_3", "BAND4"].iter().all(|name| is_place(name)));
        assert!(!["B1", "band", "band 8A", "band 4, red", "broad band 1"].iter().any(|name| is_place(name)));
    }
}

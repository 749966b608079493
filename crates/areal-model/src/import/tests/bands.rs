//! Tests of names of bands, and of what becomes of missing bands and of heads.

use super::*;

/// Bands without descriptions became B1, B2 and B3, so that red, green and blue were taken for coastal, blue and green.
#[test]
fn a_place_in_a_file_is_no_name_of_a_band() {
    let folder = tempfile::tempdir().unwrap();
    let thirteen = NetworkConfig { bands: 13, ..CONFIG };
    let path = written(folder.path(), &thirteen, str::to_owned);
    let config = NetworkConfig { bands: 3, ..CONFIG };
    let kind = WeightsKind::TorchGeo(TorchGeo::Sentinel2AllMoco);
    let bands: Vec<String> = ["band 1", "band 2", "band 3"].map(str::to_owned).into();
    let with_rule = Import { missing_band: Some(MissingBand::Drop), ..import(&path, kind, &config, &bands) };
    let said = with_rule.run(&statistics(3)).unwrap_err().to_string();
    assert!(said.ends_with("bands without descriptions have no names to compare"), "{said}");
    let named_as = names("B4 B3 B2");
    let named = Import { store: StoreBands { named_as: &named_as, ..with_rule.store }, ..with_rule };
    assert_eq!(named.run(&statistics(3)).unwrap().notes[1], "3 of 3 bands were matched by name");
    // The number of Landsat's band is that of another band of Sentinel-2.
    let landsat = names("SR_B4 SR_B3 SR_B2");
    let said = Import { store: StoreBands { names: &landsat, named_as: &[] }, ..with_rule }.run(&statistics(3));
    assert!(said.unwrap_err().to_string().ends_with("none of the names is the same"));
    let sentinel = names("B4 B3 B2");
    let notes = Import { store: StoreBands { names: &sentinel, named_as: &[] }, ..with_rule }
        .run(&statistics(3))
        .unwrap()
        .notes;
    assert!(
        notes.iter().any(|n| n.starts_with("bands are compared by number without knowing the sensor")),
        "{notes:?}"
    );
}

/// Both bands of a bundle that says years became B4.
#[test]
fn exact_names_are_compared_before_other_spellings() {
    let rule = |bands: &[&str]| InputRule::new(bands, &vec![(1.0, 1.0); bands.len()], numbers::Numbers::Own(None));
    let of = |weights: &[&str], store: &[&str]| {
        let store: Vec<String> = store.iter().map(ToString::to_string).collect();
        let store = StoreBands { names: &store, named_as: &[] };
        match_bands(WeightsKind::Bundle, &rule(weights), &store, None).map(|m| m.of_store).map_err(|e| e.to_string())
    };
    let years = ["B4, 2020", "B4, 2021"];
    assert_eq!(of(&years, &["B4, 2021", "B4, 2020"]), Ok(vec![Some(1), Some(0)]));
    // Which year is meant is not known.
    assert_eq!(of(&years, &["B4, 2020", "B4, 2022"]), Ok(vec![Some(0), None]));
    assert!(of(&["B4", "B3"], &years).unwrap_err().ends_with("B4 is the name of two bands"));
    assert_eq!(of(&["B4", "B3"], &["b03", "B4, 2021"]), Ok(vec![Some(1), Some(0)]));
}

/// What SECO subtracts is .485 of a byte: no mean of its training.
#[test]
fn a_number_to_subtract_is_no_mean() {
    let store = names("B4 B3");
    let store = StoreBands { names: &store, named_as: &[] };
    let of = |kind: &str, rule: MissingBand| {
        check_weights_bands(Path::new("x.pth"), Some(kind.parse().unwrap()), &store, Some(rule))
    };
    let said = of("torchgeo:SENTINEL2_RGB_SECO", MissingBand::Mean).unwrap_err().to_string();
    assert!(said.ends_with("the mean of B2 was not published with them"), "{said}");
    of("torchgeo:SENTINEL2_RGB_SECO", MissingBand::Zero).unwrap();
    of("torchgeo:SENTINEL2_ALL_SOFTCON", MissingBand::Mean).unwrap();
}

#[test]
fn a_head_of_as_many_outputs_is_said_to_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let bands = names("a b");
    let path = written(folder.path(), &CONFIG, str::to_owned);
    let notes = import(&path, WeightsKind::SameBands, &CONFIG, &bands).run(&statistics(2)).unwrap().notes;
    let said = "the head was kept: it has 3 outputs too; whether they are the same is not known";
    assert!(notes.contains(&said.to_owned()), "{notes:?}");
}

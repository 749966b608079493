//! Tests of numbers of stores against those of weights.

use super::*;
use crate::WeightsKind;

const TAGLESS: Scaling = Scaling { scale: 1.0, offset: 0.0 };

struct Store {
    pixel_type: PixelType,
    scaling: Option<Scaling>,
    bands: Vec<(f64, f64)>,
}

fn store(pixel_type: PixelType, bands: &[(f64, f64)]) -> Store {
    Store { pixel_type, scaling: Some(TAGLESS), bands: bands.to_vec() }
}

/// The normalisation of a store whose bands are those of the weights, and what is said.
fn taken(kind: &str, store: &Store) -> Result<(Normalisation, String), String> {
    let rule = kind.parse::<WeightsKind>().unwrap().rule().unwrap();
    let n = rule.bands.len();
    let bands = store.bands.iter().copied().cycle().take(n);
    let quantiles: Vec<BandQuantiles> = bands
        .map(|(p05, p95)| {
            let p50 = f64::midpoint(p05, p95);
            BandQuantiles { p05, p25: p50, p50, p75: p50, p95 }
        })
        .collect();
    let scaling = store.scaling.map(|s| vec![s; n]);
    let numbers = StoreNumbers { pixel_type: store.pixel_type, scaling: scaling.as_deref(), quantiles: &quantiles };
    let matched = Matched { of_store: (0..n).map(Some).collect(), missing: Vec::new() };
    let of_store = Normalisation { mean: vec![0.0; n], std: vec![1.0; n] };
    let mut said = Vec::new();
    let normalisation = rule.normalisation_of(&matched, &numbers, &of_store, &mut said);
    normalisation.map(|n| (n, said.join("; "))).map_err(|e| format!("{}, {}", e.expected, numbers.found(&e.bands)))
}

const MOCO: &str = "torchgeo:SENTINEL2_ALL_MOCO";
const SOFTCON: &str = "torchgeo:SENTINEL2_ALL_SOFTCON";

/// `areal tile` writes a scale of 1 for files without one, and a stored 1 was taken for a reflectance of 1: every store of
/// ten-thousandths was refused.
#[test]
fn a_scale_of_one_says_nothing() {
    let sentinel = store(PixelType::U16, &[(100.0, 2500.0)]);
    let (moco, said) = taken(MOCO, &sentinel).unwrap();
    assert_eq!((moco.mean[3], moco.std[3]), (0.0, 10_000.0));
    let words = "between 100 and 2500 (5 and 95 %), they are taken for ten-thousandths of reflectance";
    assert!(said.contains(words), "{said}");
    // B4 of SOFTCON: mean 1373.1, deviation 1144.9.
    let (softcon, _) = taken(SOFTCON, &sentinel).unwrap();
    assert_eq!((softcon.mean[3], softcon.std[3]), (1373.1, 1144.9));
    assert_eq!(taken(SOFTCON, &Store { scaling: None, ..sentinel }).unwrap().0, softcon);
}

/// A quantile of single precision was written with all digits of double precision.
#[test]
fn numbers_of_single_precision_are_written_short() {
    let fractions = Store { scaling: None, ..store(PixelType::F32, &[(f64::from(0.012_f32), f64::from(0.229_f32))]) };
    let (_, said) = taken(SOFTCON, &fractions).unwrap();
    assert!(said.contains("between 0.012 and 0.229 (5 and 95 %)"), "{said}");
    let said = taken("torchvision", &fractions).unwrap_err();
    assert!(said.contains("between 0.012 and 0.229 (5 and 95 %)"), "{said}");
}

/// `areal tile --band-scale 0.0001` makes fractions and says no scaling.
#[test]
fn fractions_are_told_from_ten_thousandths() {
    let fractions = Store { scaling: None, ..store(PixelType::F32, &[(0.01, 0.25)]) };
    let (softcon, said) = taken(SOFTCON, &fractions).unwrap();
    assert!((softcon.mean[3] - 0.13731).abs() < 1e-7 && (softcon.std[3] - 0.11449).abs() < 1e-7);
    assert!(said.contains("between 0.01 and 0.25 (5 and 95 %), they are taken for fractions of reflectance"), "{said}");
}

/// Sentinel-2 since baseline 04.00: reflectance = stored * 0.0001 - 0.1. A stored 3000 is a reflectance of .2, 2000 of SOFTCON's
/// units: (2000 - 1373.1) / 1144.9 in B4.
#[test]
fn a_stated_scale_and_offset_are_taken_into_account() {
    let stated = Some(Scaling { scale: 1e-4, offset: -0.1 });
    let tagged = Store { scaling: stated, ..store(PixelType::U16, &[(1100.0, 3500.0)]) };
    let (softcon, said) = taken(SOFTCON, &tagged).unwrap();
    let normalised = (3000.0 - f64::from(softcon.mean[3])) / f64::from(softcon.std[3]);
    assert!((normalised - (2000.0 - 1373.1) / 1144.9).abs() < 1e-6);
    assert!(said.contains("x 0.0001 - 0.1"), "{said}");
    // Stored numbers less 1000 are ten-thousandths still.
    let offset = Store { scaling: Some(Scaling { scale: 1.0, offset: -1000.0 }), ..tagged };
    assert_eq!(taken(SOFTCON, &offset).unwrap().0.mean[3], 2373.1);
}

/// One dark band, B10 of level 1C, refused every store of that level.
#[test]
fn one_dark_band_is_no_other_kind_of_numbers() {
    let mut bands = vec![(300.0, 2500.0); 13];
    bands[10] = (9.0, 16.0);
    taken(MOCO, &store(PixelType::U16, &bands)).unwrap();
}

/// The first was refused always; each of the others was accepted with other numbers than its own.
#[test]
fn each_rule_expects_its_own_numbers() {
    let bytes = store(PixelType::U8, &[(10.0, 230.0)]);
    let ten_thousandths = store(PixelType::U16, &[(100.0, 2500.0)]);
    let fractions = store(PixelType::F32, &[(0.01, 0.9)]);
    for kind in ["torchgeo:SENTINEL2_RGB_SECO", "torchvision", "torchgeo:LANDSAT_OLI_SR_MOCO"] {
        taken(kind, &bytes).unwrap();
        assert!(
            taken(kind, &ten_thousandths).unwrap_err().starts_with("bytes, 0 to 255, are u16 between 100 and 2500")
        );
        assert!(taken(kind, &fractions).unwrap_err().starts_with("bytes, 0 to 255"), "{kind}");
    }
    let scaled =
        Store { scaling: Some(Scaling { scale: 1.0 / 255.0, offset: 0.0 }), ..store(PixelType::U8, &[(10.0, 230.0)]) };
    assert!(taken("torchvision", &scaled).unwrap().1.contains("are ignored: the weights read stored numbers"));
    for kind in ["torchgeo:SENTINEL2_RGB_MOCO", MOCO] {
        assert!(taken(kind, &bytes).unwrap_err().starts_with("reflectance, as fractions (0 to 1)"), "{kind}");
        taken(kind, &fractions).unwrap();
        // Whole numbers are no fractions.
        assert!(taken(kind, &store(PixelType::U8, &[(0.0, 1.0)])).is_err());
        assert!(taken(kind, &store(PixelType::F32, &[(-9999.0, 2500.0)])).is_err());
    }
    let satlas = "torchgeo:SENTINEL2_SI_MS_SATLAS";
    let mut mixed = vec![(100.0, 2500.0); 9];
    assert!(taken(satlas, &store(PixelType::U16, &mixed)).unwrap_err().starts_with("bytes"));
    mixed[..3].fill((10.0, 230.0));
    taken(satlas, &store(PixelType::U16, &mixed)).unwrap();
    assert!(taken(satlas, &bytes).unwrap_err().starts_with("ten-thousandths"));
    let radar = "torchgeo:SENTINEL1_ALL_MOCO";
    taken(radar, &store(PixelType::F32, &[(-18.0, 2.0), (-25.0, -8.0)])).unwrap();
    assert!(taken(radar, &store(PixelType::F32, &[(0.01, 0.4)])).unwrap_err().starts_with("decibels, mostly below 0"));
    assert!(taken(radar, &store(PixelType::I16, &[(-1800.0, -200.0)])).is_err());
    let hundredths = Scaling { scale: 0.01, offset: 0.0 };
    let scaled = Store { scaling: Some(hundredths), ..store(PixelType::I16, &[(-1800.0, -200.0)]) };
    // VV: mean -12.59, deviation 5.26, in hundredths.
    let (normalisation, _) = taken(radar, &scaled).unwrap();
    assert!((normalisation.mean[0] + 1259.0).abs() < 1e-3 && (normalisation.std[0] - 526.0).abs() < 1e-3);
}

/// A network that read halves: 3000 stored units of 2 are 12000 of them. Where one side says nothing, numbers are as stored.
#[test]
fn a_bundle_is_carried_over_where_both_sides_say_what_their_numbers_mean() {
    let of_bundle = |own: Option<Scaling>| InputRule {
        bands: vec!["x".to_owned()],
        normalisation: vec![(1500.0, 1000.0)],
        numbers: Numbers::Own(own.map(|s| vec![s])),
        has_means: true,
        surface_prefix: false,
    };
    let quantiles = [BandQuantiles { p05: 100.0, p25: 200.0, p50: 400.0, p75: 600.0, p95: 800.0 }];
    let of = |own: Option<Scaling>, store: Option<Scaling>| {
        let scaling = store.map(|s| vec![s]);
        let store = StoreNumbers { pixel_type: PixelType::U16, scaling: scaling.as_deref(), quantiles: &quantiles };
        let matched = Matched { of_store: vec![Some(0)], missing: Vec::new() };
        let of_store = Normalisation { mean: vec![0.0], std: vec![1.0] };
        let taken = of_bundle(own).normalisation_of(&matched, &store, &of_store, &mut Vec::new()).ok()?;
        Some((taken.mean[0], taken.std[0]))
    };
    let scale = |scale| Some(Scaling { scale, offset: 0.0 });
    assert_eq!(of(scale(0.5), scale(2.0)), Some((375.0, 250.0)));
    for (own, store) in [(None, scale(2.0)), (scale(1.0), scale(2.0)), (scale(0.5), None), (None, None)] {
        assert_eq!(of(own, store), Some((1500.0, 1000.0)));
    }
    // 400 stored units are 4e7 of its own.
    assert_eq!(of(scale(1e-5), scale(1.0 / 3.0)), None);
}

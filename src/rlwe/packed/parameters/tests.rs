#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;

#[test]
fn the_modulus_is_within_the_standard() {
    let primes: Vec<u32> = basis().rings().iter().map(|ring| ring.modulus().value()).collect();
    assert_eq!(primes, [536_813_569, 536_690_689, 974_849, 1_032_193]);
    let bits: f64 = primes.iter().map(|q| f64::from(*q).log2()).sum();
    assert!((97.8..97.9).contains(&bits) && bits <= MOST_MODULUS_BITS, "{bits}");
}

#[test]
fn every_number_of_dimensions_has_parameters() {
    for dimensions in Parameters::DIMENSIONS[0]..=Parameters::DIMENSIONS[1] {
        let hamming = Parameters::hamming(dimensions).unwrap();
        assert!(hamming.headroom() >= 9.5, "{dimensions}");
        for length in [64, 128, 620] {
            let integers = Parameters::inner_product(dimensions, length).unwrap();
            assert!(integers.score_deviation() <= 0.14 * f64::from(length), "{dimensions}, {length}");
        }
    }
}

#[test]
fn larger_moduli_are_refused() {
    let primes: Vec<f64> = basis().rings().iter().map(|ring| f64::from(ring.modulus().value())).collect();
    assert!(is_secure(&primes));
    // A prime of eight times the size, and one more prime.
    assert!(is_secure(&[&primes[..3], &[primes[3] * 8.0]].concat()));
    assert!(!is_secure(&[&primes[..3], &[primes[3] * 9.0]].concat()));
    assert!(!is_secure(&[&primes[..], &[769.0]].concat()));
}

/// For each set, made from the numbers in files: the noise leaves the headroom, or is small enough, and X + t·e is
/// less than Q/2, so that decryption is right.
#[test]
fn every_set_is_checked() {
    let [q0, q1] = [0, 1].map(|i| u128::from(basis().rings()[i].modulus().value()));
    for dimensions in Parameters::DIMENSIONS[0]..=Parameters::DIMENSIONS[1] {
        for length in [0, 64, 128, 620] {
            let numbers = [4096, u32::try_from(dimensions).unwrap(), length];
            let parameters = Parameters::from_numbers(numbers).unwrap();
            assert_eq!((parameters.numbers(), parameters.dimensions()), (numbers, dimensions));
            let noise = &parameters.shared.noise;
            let worst = match parameters.metric() {
                Metric::Hamming => noise.headroom() >= LEAST_HEADROOM,
                Metric::InnerProduct { length } => {
                    parameters.score_deviation() <= NOISE_SHARE * ROUNDING_ERROR * f64::from(length)
                }
            };
            assert!(worst, "{numbers:?}");
            let t = parameters.plaintext_modulus();
            assert!((u128::from(crate::rlwe::sampler::LARGEST_ERROR) + 1) * t < q0 * q1 / 2, "{numbers:?}");
            assert!(noise.bits[0] + noise.bits[1] <= RESPONSE_BITS[2] && noise.digits <= MOST_DIGITS);
        }
    }
    // From here on, the noise of three dimensions per coefficient is too large.
    assert_eq!([735, 736].map(|dimensions| Parameters::hamming(dimensions).unwrap().digits()), [3, 2]);
    for numbers in
        [[4095, 64, 0], [8192, 64, 0], [0, 64, 0], [4096, 63, 0], [4096, 2049, 0], [4096, 64, 65], [u32::MAX; 3]]
    {
        Parameters::from_numbers(numbers).unwrap_err();
    }
}

#[test]
fn known_parameters() {
    // Dimensions; per coefficient; bits of a response; bytes of a vector; headroom.
    let hamming = [
        (64, 3, [14, 18], 176, 9.6),
        (128, 4, [13, 19], 256, 12.7),
        (256, 3, [13, 19], 688, 18.1),
        (384, 3, [12, 20], 1024, 20.8),
        (512, 3, [12, 20], 1368, 19.9),
        (768, 2, [12, 20], 3072, 23.9),
        (1024, 2, [12, 20], 4096, 20.2),
        (1536, 2, [12, 20], 6144, 12.9),
        (2048, 2, [13, 23], 8192, 38.8),
    ];
    for (dimensions, digits, bits, bytes, headroom) in hamming {
        let p = Parameters::hamming(dimensions).unwrap();
        let found = (p.digits(), p.response_bits(), p.block_bytes() / DEGREE);
        assert_eq!(found, (digits, bits, bytes), "{dimensions}, {}", p.headroom());
        assert!((headroom..headroom + 0.2).contains(&p.headroom()), "{dimensions}: {}", p.headroom());
    }
    // Dimensions and length; per coefficient; bytes of a vector; deviation of a score.
    let inner_product = [
        (384, 64, 2, 1536, 1.45),
        (512, 64, 2, 2048, 1.55),
        (512, 128, 2, 2048, 15.81),
        (1024, 64, 2, 4096, 1.88),
        (1024, 128, 1, 8192, 1.37),
        (384, 620, 1, 3072, 25.73),
        (2048, 620, 1, 16384, 26.8),
    ];
    for (dimensions, length, digits, bytes, deviation) in inner_product {
        let p = Parameters::inner_product(dimensions, length).unwrap();
        assert_eq!((p.digits(), p.block_bytes() / DEGREE), (digits, bytes), "{dimensions}, {length}");
        let stated = p.score_deviation();
        assert!((stated / deviation - 1f64).abs() < 0.01, "{dimensions}, {length}: {stated}");
    }
}

#[test]
fn impossible_parameters_are_refused() {
    for dimensions in [0, 63, 2049, usize::MAX] {
        let error = Parameters::hamming(dimensions).unwrap_err().to_string();
        assert!(error.contains("from 64 to 2048 dimensions"), "{error}");
    }
    let error = Parameters::inner_product(512, 100).unwrap_err().to_string();
    assert!(error.contains("64, 128 or 620"), "{error}");
}

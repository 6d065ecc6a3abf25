//! Tests what schedules compute, with exponents in place of numbers, and how many products they take.

use super::*;
use num_bigint::BigUint;
use proptest::prelude::*;

/// Returns, for each side, the power to which the schedule raises each input.
fn powers(weights: &Weights, inputs: usize, most: usize) -> Vec<Vec<BigUint>> {
    let mut powers = vec![vec![BigUint::ZERO; inputs]; weights.sides()];
    for part in Parts::new(weights, 0..weights.sides(), inputs, most) {
        // Products of numbers are sums of exponents.
        let mut slots = vec![vec![BigUint::ZERO; inputs]; Part::GIVEN];
        for input in part.inputs.clone() {
            let mut slot = vec![BigUint::ZERO; inputs];
            slot[input] += 1u32;
            slots.push(slot);
        }
        let mut factors = part.rounds.factors.iter();
        for length in &part.rounds.lengths {
            let new: Vec<Vec<BigUint>> = factors
                .by_ref()
                .take(*length)
                .map(|pair| {
                    let [x, y] = pair.map(|slot| &slots[slot as usize]);
                    x.iter().zip(y).map(|(x, y)| x + y).collect()
                })
                .collect();
            slots.extend(new);
        }
        assert!(factors.next().is_none());
        assert_eq!(slots.len(), part.slots());
        assert_eq!(part.results.len(), part.sides.len());
        for (side, slot) in part.sides.zip(&part.results) {
            let Some(slot) = slot else { continue };
            powers[side].iter_mut().zip(&slots[*slot as usize]).for_each(|(power, more)| *power += more);
        }
    }
    powers
}

fn expected(weights: &Weights, inputs: usize) -> Vec<Vec<BigUint>> {
    let side = |side| {
        let mut powers = vec![BigUint::ZERO; inputs];
        weights.side(side).for_each(|weight| {
            powers[weight.input] += BigUint::from_bytes_le(bytemuck::cast_slice(weight.magnitude));
        });
        powers
    };
    (0..weights.sides()).map(side).collect()
}

/// A weight: whether it is negative, and both limbs of its magnitude.
type Signed = (bool, u64, u64);

fn matrix() -> impl Strategy<Value = (usize, Vec<Vec<Signed>>)> {
    (1usize..40, 1usize..12, 0u32..128).prop_flat_map(|(inputs, outputs, bits)| {
        let limb = move |shift: u32| any::<u64>().prop_map(move |limb| limb.checked_shr(shift).unwrap_or(0));
        let (low, high) = (64 - bits.min(64), 128 - bits.max(64));
        let weight = prop_oneof![
            6 => (any::<bool>(), limb(low), limb(high)),
            1 => Just((false, 0, 0)),
            1 => (any::<bool>(), 0u64..2, Just(0)),
        ];
        (Just(inputs), prop::collection::vec(prop::collection::vec(weight, inputs), outputs))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_input_gets_its_weight((inputs, rows) in matrix(), most in prop_oneof![Just(1usize), Just(300), Just(1 << 17)]) {
        let mut weights = Weights::new(2);
        for row in &rows {
            weights.push(row.iter().enumerate().map(|(i, (negative, low, high))| (i, *negative, [*low, *high])));
        }
        prop_assert_eq!(powers(&weights, inputs, most), expected(&weights, inputs));
    }
}

/// Makes random signed weights of `bits` bits, all equally likely.
fn random(inputs: usize, outputs: usize, bits: u32) -> Weights {
    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32).wrapping_mul(0x9e37_79b9)
    };
    let mut weights = Weights::new(1);
    for _ in 0..outputs {
        weights.push((0..inputs).map(|i| (i, next() >> 20 & 1 == 1, [next() >> 7 & ((1 << bits) - 1)])));
    }
    weights
}

/// Returns the number of products of each round.
fn rounds(weights: &Weights, inputs: usize) -> Vec<usize> {
    Parts::new(weights, 0..weights.sides(), inputs, 1 << 20).flat_map(|part| part.rounds.lengths).collect()
}

#[test]
fn estimates_are_close_to_the_counts() {
    for (inputs, outputs, bits) in
        [(784, 10, 7), (784, 1, 7), (16, 1000, 7), (1, 1, 7), (3000, 4, 16), (100, 100, 7), (1000, 1, 1), (50, 1, 40)]
    {
        let weights = random(inputs, outputs, bits);
        let products: usize = rounds(&weights, inputs).iter().sum();
        let counts = Counts::new(&weights, 0..weights.sides(), &(0..inputs));
        let method = Method::choose(&weights, 0..weights.sides(), 0..inputs, 1 << 20);
        let estimate = match method {
            Method::Buckets => counts.with_buckets(),
            Method::Tables(width) => counts.with_tables(width),
        };
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let ratio = estimate / products as f64;
        assert!(
            (0.7..1.6).contains(&ratio),
            "{inputs} × {outputs}, {bits} bits: {method:?}, estimated {estimate:.0} instead of {products}"
        );
    }
}

#[test]
fn a_linear_model_takes_few_products_and_full_rounds() {
    let weights = random(784, 10, 7);
    let rounds = rounds(&weights, 784);
    let products: usize = rounds.iter().sum();
    let lanes: usize = rounds.iter().map(|length| length.next_multiple_of(8)).sum();
    assert!(products < 11_000, "{products}");
    assert!(lanes < products * 11 / 10, "{lanes} lanes for {products}");
}

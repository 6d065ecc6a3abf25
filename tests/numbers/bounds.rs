//! Bounds of encrypted numbers.

use crate::parties::{exact, fast, is_refused, of_fast};
use hushvec::{NumberFormat, PlainArray};
use num_bigint::{BigInt, BigUint};

#[test]
fn bounds_end_just_below_a_third_of_n() {
    let (ctx, evaluator) = (fast(), of_fast());
    let limit = ctx.public_key().n() / 3u32;
    let most = BigInt::from(&limit - 1u32);
    let integer = |x: &BigInt| PlainArray::integers([x.clone()]);
    let format = |bound: BigUint| NumberFormat::new(0, bound);
    assert!(ctx.encrypt_numbers(&[1], &format(&limit - 1u32)).is_ok());
    assert!(is_refused(ctx.encrypt_numbers(&[1], &format(limit.clone()))));
    assert!(is_refused(evaluator.encrypt_numbers(&[1], &format(limit.clone()))));

    let one = evaluator.encrypt_numbers(&[1], &format(1u32.into())).unwrap();
    let zero = evaluator.encrypt_numbers(&[0], &format(1u32.into())).unwrap();
    for sign in [1, -1] {
        let largest = evaluator.mul_plain(&one, &integer(&(&most * sign))).unwrap();
        assert_eq!(exact(ctx, &largest), [&most * sign]);
        assert!(is_refused(evaluator.mul_plain(&one, &integer(&((&most + 1) * sign)))));
        assert!(is_refused(evaluator.mul_plain(&largest, &integer(&2.into()))));
        assert!(is_refused(evaluator.add(&largest, &zero)));
        assert!(is_refused(evaluator.sub(&zero, &largest)));
        assert!(is_refused(evaluator.add_plain(&largest, &integer(&sign.into()))));
        assert!(is_refused(evaluator.with_exponent(&largest, -1)));
        assert!(is_refused(evaluator.with_exponent(&largest, i32::MIN)));
        let almost = evaluator.mul_plain(&one, &integer(&((&most - 1) * sign))).unwrap();
        assert_eq!(exact(ctx, &evaluator.add_plain(&almost, &integer(&sign.into())).unwrap()), [&most * sign]);
        assert_eq!(exact(ctx, &evaluator.add(&almost, &zero).unwrap()), [(&most - 1) * sign]);
        assert!(is_refused(evaluator.add_plain(&almost, &integer(&2.into()))));
        let both = evaluator.array_of(&[largest.get(0).unwrap(), zero.get(0).unwrap()]).unwrap();
        assert!(is_refused(evaluator.sum(&both)));
        assert_eq!(
            ctx.decrypt_numbers(&both).err().map(|error| error.to_string()).as_deref(),
            Some("number 0 is too large for the requested type; use `decrypt_exactly_vartime`")
        );
    }
}

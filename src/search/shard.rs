//! Shards: parts of an input that parallel jobs encrypt.

use crate::error::Error;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Shard `number` of `of` equal parts of an input, counted from 0. A shard is a range of consecutive rows, so merging
/// the shards in order gives the whole input.
///
/// ```
/// let shard: hushvec::Shard = "1/3".parse()?;
/// assert_eq!(shard.rows(10), 3..6);
/// # Ok::<(), hushvec::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// Creates shard `number` of `of`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `number` is not smaller than `of`.
    pub fn new(number: u32, of: u32) -> Result<Self, Error> {
        if number < of {
            return Ok(Self { number, of });
        }
        let limit = match of {
            0 => "there must be at least one shard, such as 0/1".to_owned(),
            _ => format!("shards are counted from 0, so the last is {}/{of}", of - 1),
        };
        Err(Error::Parameter { name: "shard", actual: number as usize, limit })
    }

    /// Returns its number, counted from 0.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Returns how many shards the input has.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Returns its rows of an input with `total` rows.
    pub fn rows(self, total: u64) -> Range<u64> {
        let at = |number: u32| {
            let row = u128::from(total) * u128::from(number) / u128::from(self.of);
            u64::try_from(row).unwrap_or(total)
        };
        at(self.number)..at(self.number.saturating_add(1))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let numbers = text.split_once('/').and_then(|(i, of)| Some((i.parse().ok()?, of.parse().ok()?)));
        let (number, of) = numbers
            .ok_or_else(|| Error::format(format!("{text:?} is not a shard; give number/count, such as 0/16")))?;
        Self::new(number, of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shards_are_counted_from_0() {
        assert_eq!("0/1".parse::<Shard>().unwrap().rows(7), 0..7);
        assert!("16/16".parse::<Shard>().unwrap_err().to_string().contains("the last is 15/16"));
        for text in ["", "1", "/", "1/", "a/2", "-1/2", "1/2/3", "0/0", "1/4294967296"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn shards_follow_each_other(total in 0u64.., of in 1u32..300) {
            let mut next = 0;
            for number in 0..of {
                let rows = Shard::new(number, of).unwrap().rows(total);
                prop_assert_eq!(rows.start, next);
                prop_assert!((rows.end - rows.start).abs_diff(total / u64::from(of)) <= 1);
                next = rows.end;
            }
            prop_assert_eq!(next, total);
        }
    }
}

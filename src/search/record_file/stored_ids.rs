//! The stored form of the ids of a block, one id for each vector.

use crate::id::{IdRef, check_text};
use crate::search::ids::Ids;

/// How the ids of a block are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdLayout {
    /// Consecutive numbers: only the first is stored, in the block header.
    Run = 0,
    /// Numbers of 8 bytes each.
    Numbers = 1,
    /// Texts: 4 bytes each for their ends, followed by all texts.
    Texts = 2,
}

impl IdLayout {
    pub(super) fn from_number(number: u32) -> Option<Self> {
        [Self::Run, Self::Numbers, Self::Texts].into_iter().find(|layout| *layout as u32 == number)
    }
}

/// Ids borrowed from a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum StoredIds<'a> {
    Run(u64),
    Numbers(&'a [u64]),
    Texts { ends: &'a [u32], text: &'a str },
}

impl<'a> StoredIds<'a> {
    /// Reads `count` numbers from the first bytes of a payload.
    pub(super) fn numbers(bytes: &'a [u8], count: usize) -> Result<Self, &'static str> {
        let (numbers, padding) = bytes.split_at_checked(8 * count).ok_or("it is too short")?;
        check_padding(padding)?;
        bytemuck::try_cast_slice(numbers).map(Self::Numbers).map_err(|_| "it is not aligned")
    }

    /// Reads `count` texts, of `text_bytes` bytes in total, from the first bytes of a payload.
    pub(super) fn texts(bytes: &'a [u8], count: usize, text_bytes: usize) -> Result<Self, &'static str> {
        let (ends, text) = bytes.split_at_checked(4 * count).ok_or("it is too short")?;
        let (text, padding) = text.split_at_checked(text_bytes).ok_or("it is too short")?;
        check_padding(padding)?;
        let text = std::str::from_utf8(text).map_err(|_| "an id is not UTF-8")?;
        let ends: &[u32] = bytemuck::try_cast_slice(ends).map_err(|_| "it is not aligned")?;
        let mut start = 0;
        for end in ends {
            let id = text.get(start..*end as usize).ok_or("an id ends before it begins")?;
            check_text(id).map_err(|_| "a text is not a valid id")?;
            start = *end as usize;
        }
        if start == text.len() { Ok(Self::Texts { ends, text }) } else { Err("there is text after the last id") }
    }

    /// Returns the ids of `vectors` vectors. They were checked when they were read, so none is refused here.
    pub(super) fn to_ids(self, vectors: usize) -> Ids {
        match self {
            Self::Run(first) => Ids::from(first..first.saturating_add(vectors as u64)),
            Self::Numbers(numbers) => Ids::from(numbers.to_vec()),
            Self::Texts { .. } => {
                let mut ids = Ids::new();
                (0..vectors).filter_map(|vector| self.get(vector)).for_each(|id| drop(ids.push(id)));
                ids
            }
        }
    }

    pub(super) fn get(&self, vector: usize) -> Option<IdRef<'a>> {
        match self {
            Self::Run(first) => first.checked_add(vector as u64).map(IdRef::Number),
            Self::Numbers(numbers) => numbers.get(vector).copied().map(IdRef::Number),
            Self::Texts { ends, text } => {
                let end = *ends.get(vector)? as usize;
                let start =
                    vector.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |start| *start as usize);
                text.get(start..end).map(IdRef::Text)
            }
        }
    }
}

/// Checks the padding after ids or deletions, up to a multiple of 64 bytes.
pub(super) fn check_padding(padding: &[u8]) -> Result<(), &'static str> {
    if padding.iter().all(|byte| *byte == 0) { Ok(()) } else { Err("its padding is not zero") }
}

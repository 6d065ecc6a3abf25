//! Faults that tests inject into a GPU.

/// A fault to inject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The device is destroyed.
    Destroyed,
    /// The driver is out of memory.
    OutOfMemory,
    /// One bit of the result is flipped.
    Flipped,
    /// The first and the last row of the result are swapped.
    Swapped,
    /// The result is all zeros.
    Zeroed,
}

impl Fault {
    /// Applies the fault to a result, in rows of `row` bytes.
    pub(super) fn damage(self, bytes: &mut [u8], row: usize) {
        match self {
            Self::Destroyed | Self::OutOfMemory => {}
            Self::Flipped => {
                let middle = bytes.len() / 2;
                if let Some(byte) = bytes.get_mut(middle) {
                    *byte ^= 4;
                }
            }
            Self::Swapped => {
                let last = bytes.len().saturating_sub(row);
                (0..row.min(last)).for_each(|i| bytes.swap(i, last + i));
            }
            Self::Zeroed => bytes.fill(0),
        }
    }
}

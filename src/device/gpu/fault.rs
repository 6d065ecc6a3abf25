//! Faults that tests ask a GPU for.

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The device is destroyed.
    Destroyed,
    /// The driver has no memory left.
    OutOfMemory,
    /// One bit of what comes back is flipped.
    Flipped,
    /// The first and the last row of what comes back are swapped.
    Swapped,
    /// What comes back is all zeros.
    Zeroed,
}

impl Fault {
    /// Does to bytes that came back, in rows of `row` bytes, what the fault does.
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

//! Fixed-size structures that end with a checksum.

/// N bytes with fields at fixed offsets and, at the end, a CRC-32 of the bytes before it.
pub(super) struct Bytes<const N: usize>([u8; N]);

impl<const N: usize> Default for Bytes<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Bytes<N> {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|bytes| Self(*bytes))
    }

    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Writes a 32-bit number. All sizes in these structures are below 2^32.
    pub(super) fn put_u32(&mut self, at: usize, number: usize) {
        self.put(at, &u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }

    pub(super) fn put_u64(&mut self, at: usize, number: u64) {
        self.put(at, &number.to_le_bytes());
    }

    pub(super) fn array<const M: usize>(&self, at: usize) -> [u8; M] {
        core::array::from_fn(|i| self.0[at + i])
    }

    pub(super) fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    pub(super) fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }

    pub(super) fn are_zero(&self, mut range: std::ops::Range<usize>) -> bool {
        range.all(|at| self.0[at] == 0)
    }

    pub(super) fn seal(mut self) -> [u8; N] {
        let checksum = crc32fast::hash(&self.0[..N - 4]);
        self.put(N - 4, &checksum.to_le_bytes());
        self.0
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.u32(N - 4) == crc32fast::hash(&self.0[..N - 4])
    }
}

//! Instruction sets that kernels are compiled for, and their detection.

/// An instruction set that has its own implementation of the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// Portable Rust, for every CPU.
    Portable,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-512 IFMA.
    #[cfg(target_arch = "x86_64")]
    Ifma(Ifma),
}

impl Isa {
    /// The number of variants.
    pub(crate) const COUNT: usize = 3;

    /// Returns the instruction sets that this CPU has, the fastest first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let vectors = [Ifma::detect().map(Self::Ifma), Avx2::detect().map(Self::Avx2)];
        #[cfg(not(target_arch = "x86_64"))]
        let vectors = [None; 0];
        vectors.into_iter().flatten().chain([Self::Portable])
    }

    /// Returns the fastest instruction set that this CPU has.
    pub(crate) fn best() -> Self {
        Self::all().next().unwrap_or(Self::Portable)
    }

    /// The number of the variant, below [`Isa::COUNT`].
    pub(crate) fn number(self) -> usize {
        match self {
            Self::Portable => 0,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => 1,
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => 2,
        }
    }

    /// The name that reports show.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => "avx512ifma",
        }
    }
}

/// Proof that this CPU has AVX2. Only [`Avx2::detect`] makes one.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx2(());

#[cfg(target_arch = "x86_64")]
impl Avx2 {
    /// Returns `None` if this CPU lacks AVX2.
    pub(crate) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

/// Proof that this CPU has AVX-512 F, DQ, VL and IFMA. Only [`Ifma::detect`] makes one.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ifma(());

#[cfg(target_arch = "x86_64")]
impl Ifma {
    /// Returns `None` if this CPU lacks any of them.
    pub(crate) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512ifma");
        has_all.then_some(Self(()))
    }
}

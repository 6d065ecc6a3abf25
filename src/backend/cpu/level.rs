//! Which instructions the kernels use, and the arithmetic made of them.

/// A set of instructions with arithmetic of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backend) enum Level {
    /// What every processor has.
    Portable,
}

impl Level {
    /// How many levels there are.
    pub(in crate::backend) const COUNT: usize = 1;

    /// The best that this processor has.
    pub(super) fn detect() -> Self {
        Self::Portable
    }

    pub(in crate::backend) fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
        }
    }
}

/// Runs `$body` with `$m` bound to a modulus's [`Lanes`](crate::arith::lanes::Lanes), once compiled for each level and
/// size; or with those of two moduli of one size.
macro_rules! with_lanes {
    ($cpu:expr, [$first:expr, $second:expr], [$m:ident, $n:ident] => $body:expr) => {
        match $cpu.level {
            $crate::backend::cpu::level::Level::Portable => {
                $crate::arith::modulus::with_moduli!([$first, $second], [$m, $n] => $body)
            }
        }
    };
    ($cpu:expr, $modulus:expr, $m:ident => $body:expr) => {
        match $cpu.level {
            $crate::backend::cpu::level::Level::Portable => $crate::arith::modulus::with_modulus!($modulus, $m => $body),
        }
    };
}
pub(super) use with_lanes;

// Arithmetic on residues modulo q, below 2^30. V is u32 or a vector of u32: each shader defines it.

// The upper 32 bits of a·b, from four products of 16-bit halves. No sum here overflows 32 bits.
fn mul_high(a: V, b: V) -> V {
  let a0 = a & V(0xffffu);
  let a1 = a >> V(16u);
  let b0 = b & V(0xffffu);
  let b1 = b >> V(16u);
  let middle = a1 * b0 + ((a0 * b0) >> V(16u));
  let upper = a0 * b1 + (middle & V(0xffffu));
  return a1 * b1 + (middle >> V(16u)) + (upper >> V(16u));
}

// x times a constant, in [0, 2q), for any x. `quotient` is ⌊constant·2^32 / q⌋.
fn mul_lazy(x: V, constant: V, quotient: V, q: V) -> V {
  return x * constant - mul_high(x, quotient) * q;
}

// Subtracts `bound` once if x ≥ bound.
fn reduce_once(x: V, bound: V) -> V {
  return min(x, x - bound);
}

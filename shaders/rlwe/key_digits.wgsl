// The digits of RNS polynomials, which have a limb for each prime but the last, in each ring:
// [polynomial][ring][digit].

fn ring_of(number: u32) -> u32 {
  return number / (params.rings - 1u) % params.rings;
}

fn source(number: u32) -> u32 {
  let digits = params.rings - 1u;
  return number / (digits * params.rings) * digits + number % digits;
}

// Reduces residues of another prime to less than 2q. Factor 0 is 1.
fn enter(x: V) -> V {
  return mul_lazy(x, V(1u), V(factor(0u).y), q);
}

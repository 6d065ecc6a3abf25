// Sums of products of residues. Residues are split into 15 lower bits and up to 15 upper ones. V is u32 or a vector of
// u32: each shader defines it.

// low + middle·2^15 + high·2^30 + top·2^46.
struct Sum { low: V, middle: V, high: V, top: V }

fn empty_sum() -> Sum {
  return Sum(V(0u), V(0u), V(0u), V(0u));
}

// Adds (b0 + b1·2^15)·(c0 + c1·2^15).
fn add_product(sum: Sum, b0: V, b1: V, c0: V, c1: V) -> Sum {
  return Sum(sum.low + b0 * c0, sum.middle + b0 * c1 + b1 * c0, sum.high + b1 * c1, sum.top);
}

// Makes room in `low` and `middle`: for four more products of residues below 2^29, or one of residues below 2^30.
// 4·(2^15 − 1)^2 + 2^15 < 2^32.
fn carry(sum: Sum) -> Sum {
  let mask = V(0x7fffu);
  let middle = sum.middle + (sum.low >> V(15u));
  return Sum(sum.low & mask, middle & mask, sum.high + (middle >> V(15u)), sum.top);
}

// Makes room in `high`: for sixteen more products of residues up to 2^29 − 2^15, or one of residues below 2^30.
// 4·(4·(2^14 − 2)^2 + 2^17) + 2^16 < 2^32.
fn carry_high(sum: Sum) -> Sum {
  return Sum(sum.low, sum.middle, sum.high & V(0xffffu), sum.top + (sum.high >> V(16u)));
}

// The sum divided by 2^32, canonical. `first` is q, 0, then 2^−32 with its quotient; `others` are 2^−2 and 2^14, each
// with its quotient.
fn reduce(sum: Sum, first: vec4<u32>, others: vec4<u32>) -> V {
  let q = V(first.x);
  let low = mul_lazy(sum.low | (sum.middle << V(15u)), V(first.z), V(first.w), q);
  let high = mul_lazy(sum.high, V(others.x), V(others.y), q);
  let top = mul_lazy(sum.top, V(others.z), V(others.w), q);
  let total = reduce_once(low, q) + reduce_once(high, q) + reduce_once(top, q);
  return reduce_once(reduce_once(total, q + q), q);
}

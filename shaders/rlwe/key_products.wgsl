// The products of digits with a switching key, summed over the digits, as values. An invocation computes four values of
// both halves, in one ring.

alias V = vec4<u32>;

struct Params {
  // The number of digits, and of quarters of the values of all polynomials in all rings.
  digits: u32,
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
// For each ring: q, 0, then 2^−32, 2^−2 and 2^14 with their quotients.
@group(0) @binding(1) var<storage, read> constants: array<vec4<u32>>;
// [digit][ring][half][value]
@group(0) @binding(2) var<storage, read> key: array<vec4<u32>>;
// [polynomial][ring][digit][value]
@group(0) @binding(3) var<storage, read> input: array<vec4<u32>>;
// [polynomial][half][ring][value]
@group(0) @binding(4) var<storage, read_write> output: array<vec4<u32>>;

const QUARTER: u32 = N / 4u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let number = 64u * group.x + t;
  if (number >= params.count) {
    return;
  }
  let rings = params.digits + 1u;
  let value = number % QUARTER;
  let ring = number / QUARTER % rings;
  let polynomial = number / QUARTER / rings;
  let mask = V(0x7fffu);
  var b = empty_sum();
  var a = empty_sum();
  for (var digit = 0u; digit < params.digits; digit++) {
    let x = input[((polynomial * rings + ring) * params.digits + digit) * QUARTER + value];
    let y = key[(2u * (digit * rings + ring)) * QUARTER + value];
    let z = key[(2u * (digit * rings + ring) + 1u) * QUARTER + value];
    let x0 = x & mask;
    let x1 = x >> V(15u);
    b = carry_high(carry(add_product(b, x0, x1, y & mask, y >> V(15u))));
    a = carry_high(carry(add_product(a, x0, x1, z & mask, z >> V(15u))));
  }
  let first = constants[2u * ring];
  let others = constants[2u * ring + 1u];
  let out = (2u * polynomial * rings + ring) * QUARTER + value;
  output[out] = reduce(b, first, others);
  output[out + rings * QUARTER] = reduce(a, first, others);
}

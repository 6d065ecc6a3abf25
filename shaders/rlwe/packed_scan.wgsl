// Sums of products of a query with blocks: d0 = Σ b_i·c0_i and d1 = Σ b_i·c1_i, divided by 2^32, modulo primes up to
// 2^29 − 2^15. An invocation computes both sums of one coefficient for BLOCKS blocks. The header defines V, a vector
// with a lane for each of these blocks, and `load` and `store`.
//
// Residues are split into 15 lower and 14 upper bits, so that four products add up without overflow.

struct Params {
  polynomials: u32,
  // The buffers hold these tiles, of all tiles of a block.
  first_tile: u32,
  tiles: u32,
  // The tiles of this dispatch, counted from the first one in the buffers.
  begin: u32,
  end: u32,
  // The first block of this dispatch, and where its sums are in the output, in blocks.
  first_block: u32,
  first_sum: u32,
  // The number of groups of BLOCKS blocks.
  groups: u32,
  // For each limb: q, 0, then constants with their quotients: 2^−32, and 2^−2 and 2^14.
  limbs: array<vec4<u32>, 4>,
}

@group(0) @binding(0) var<uniform> params: Params;
// [tile][polynomial][half][coefficient of the tile]
@group(0) @binding(1) var<storage, read> query: array<u32>;
// [block][tile][polynomial][coefficient of the tile]
@group(0) @binding(2) var<storage, read> input: array<u32>;
// [block][half][tile][coefficient of the tile]
@group(0) @binding(3) var<storage, read_write> output: array<u32>;

// low + middle·2^15 + high·2^30 + top·2^46.
struct Sum { low: V, middle: V, high: V, top: V }

fn add_product(sum: Sum, b0: V, b1: V, c: u32) -> Sum {
  let c0 = c & 0x7fffu;
  let c1 = c >> 15u;
  return Sum(sum.low + b0 * c0, sum.middle + b0 * c1 + b1 * c0, sum.high + b1 * c1, sum.top);
}

// Makes room in `low` and `middle` for four more products: 4·(2^15 − 1)^2 + 2^15 < 2^32.
fn carry(sum: Sum) -> Sum {
  let mask = V(0x7fffu);
  let middle = sum.middle + (sum.low >> V(15u));
  return Sum(sum.low & mask, middle & mask, sum.high + (middle >> V(15u)), sum.top);
}

// Makes room in `high` for sixteen more products: 4·(4·(2^14 − 2)^2 + 2^17) + 2^16 < 2^32.
fn carry_high(sum: Sum) -> Sum {
  return Sum(sum.low, sum.middle, sum.high & V(0xffffu), sum.top + (sum.high >> V(16u)));
}

// The sum divided by 2^32, canonical.
fn reduce(sum: Sum, limb: u32) -> V {
  let first = params.limbs[2u * limb];
  let others = params.limbs[2u * limb + 1u];
  let q = V(first.x);
  let lower = mul_lazy(sum.low | (sum.middle << V(15u)), V(first.z), V(first.w), q);
  let upper = mul_lazy(sum.high, V(others.x), V(others.y), q) + mul_lazy(sum.top, V(others.z), V(others.w), q);
  // Below 6q.
  return reduce_once(reduce_once(reduce_once(lower + upper, q << V(2u)), q << V(1u)), q);
}

struct Sums { d0: Sum, d1: Sum }

fn add_products(sums: Sums, b: V, c0: u32, c1: u32) -> Sums {
  let b0 = b & V(0x7fffu);
  let b1 = b >> V(15u);
  return Sums(add_product(sums.d0, b0, b1, c0), add_product(sums.d1, b0, b1, c1));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let tile = params.begin + 4u * (group.x / params.groups) + (t >> 4u);
  if (tile >= params.end) {
    return;
  }
  let block = BLOCKS * (group.x % params.groups);
  let words = 16u * params.polynomials;
  let step = params.tiles * words;
  var at = ((params.first_block + block) * params.tiles + tile) * words + (t & 15u);
  var c = 2u * tile * words + (t & 15u);

  let zero = Sum(V(0u), V(0u), V(0u), V(0u));
  var sums = Sums(zero, zero);
  for (var first = 0u; first < params.polynomials; first += 16u) {
    let end = min(first + 16u, params.polynomials);
    var i = first;
    for (; i + 4u <= end; i += 4u) {
      sums = add_products(sums, load(at, step), query[c], query[c + 16u]);
      sums = add_products(sums, load(at + 16u, step), query[c + 32u], query[c + 48u]);
      sums = add_products(sums, load(at + 32u, step), query[c + 64u], query[c + 80u]);
      sums = add_products(sums, load(at + 48u, step), query[c + 96u], query[c + 112u]);
      sums = Sums(carry(sums.d0), carry(sums.d1));
      at += 64u;
      c += 128u;
    }
    for (; i < end; i++) {
      sums = add_products(sums, load(at, step), query[c], query[c + 16u]);
      sums = Sums(carry(sums.d0), carry(sums.d1));
      at += 16u;
      c += 32u;
    }
    sums = Sums(carry_high(sums.d0), carry_high(sums.d1));
  }

  let place = params.first_tile + tile;
  let out = (params.first_sum + block) * 4u * DEGREE + 16u * place + (t & 15u);
  store(out, reduce(sums.d0, place / (DEGREE / 16u)));
  store(out + 2u * DEGREE, reduce(sums.d1, place / (DEGREE / 16u)));
}

// Sums of products of a query with blocks: d0 = Σ b_i·c0_i and d1 = Σ b_i·c1_i, divided by 2^32, modulo primes up to
// 2^29 − 2^15. An invocation computes both sums of one coefficient for BLOCKS blocks. The header defines V, a vector
// with a lane for each of these blocks, and `load` and `store`.
//
// The upper parts of residues have 14 bits here, so four products add up without overflow.

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

struct Sums { d0: Sum, d1: Sum }

fn add_products(sums: Sums, b: V, c0: u32, c1: u32) -> Sums {
  let b0 = b & V(0x7fffu);
  let b1 = b >> V(15u);
  return Sums(
    add_product(sums.d0, b0, b1, V(c0 & 0x7fffu), V(c0 >> 15u)),
    add_product(sums.d1, b0, b1, V(c1 & 0x7fffu), V(c1 >> 15u)),
  );
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

  var sums = Sums(empty_sum(), empty_sum());
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
  let limb = place / (DEGREE / 16u);
  store(out, reduce(sums.d0, params.limbs[2u * limb], params.limbs[2u * limb + 1u]));
  store(out + 2u * DEGREE, reduce(sums.d1, params.limbs[2u * limb], params.limbs[2u * limb + 1u]));
}

// The forward transform of polynomials: coefficients in natural order, below 4q, to values in bit-reversed order.
// Workgroup i writes polynomial i. Another file says which polynomial it reads, and in which ring it is: `source`,
// `ring_of` and `enter`.

@group(0) @binding(2) var<storage, read> input: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<u32>>;

// (x + w·y, x − w·y) for x, y < 4q, with results below 4q.
fn butterfly(x: V, y: V, w: V, quotients: V) -> Pair {
  let reduced = reduce_once(x, double);
  let product = mul_lazy(y, w, quotients, q);
  return Pair(reduced + product, reduced + (double - product));
}

// Four levels on the values of an invocation, which are a block of 16 values at equal distances. `block` is the
// number of the factor of the first level.
fn levels(values: Values, block: u32) -> Values {
  var x = three_levels(values, block);
  let f0 = factor(8u * block);
  let f1 = factor(8u * block + 1u);
  let f2 = factor(8u * block + 2u);
  let f3 = factor(8u * block + 3u);
  let f4 = factor(8u * block + 4u);
  let f5 = factor(8u * block + 5u);
  let f6 = factor(8u * block + 6u);
  let f7 = factor(8u * block + 7u);
  let ab = butterfly(
    V(x.a.xz, x.b.xz), V(x.a.yw, x.b.yw), V(f0.x, f1.x, f2.x, f3.x), V(f0.y, f1.y, f2.y, f3.y));
  let cd = butterfly(
    V(x.c.xz, x.d.xz), V(x.c.yw, x.d.yw), V(f4.x, f5.x, f6.x, f7.x), V(f4.y, f5.y, f6.y, f7.y));
  return Values(
    V(ab.x.x, ab.y.x, ab.x.y, ab.y.y),
    V(ab.x.z, ab.y.z, ab.x.w, ab.y.w),
    V(cd.x.x, cd.y.x, cd.x.y, cd.y.y),
    V(cd.x.z, cd.y.z, cd.x.w, cd.y.w),
  );
}

fn three_levels(x: Values, block: u32) -> Values {
  let first = factor(block);
  let ac = butterfly(x.a, x.c, V(first.x), V(first.y));
  let bd = butterfly(x.b, x.d, V(first.x), V(first.y));
  let low = factor(2u * block);
  let high = factor(2u * block + 1u);
  let ab = butterfly(ac.x, bd.x, V(low.x), V(low.y));
  let cd = butterfly(ac.y, bd.y, V(high.x), V(high.y));
  let f0 = factor(4u * block);
  let f1 = factor(4u * block + 1u);
  let f2 = factor(4u * block + 2u);
  let f3 = factor(4u * block + 3u);
  let abs = butterfly(
    V(ab.x.xy, ab.y.xy), V(ab.x.zw, ab.y.zw), V(f0.xx, f1.xx), V(f0.yy, f1.yy));
  let cds = butterfly(
    V(cd.x.xy, cd.y.xy), V(cd.x.zw, cd.y.zw), V(f2.xx, f3.xx), V(f2.yy, f3.yy));
  return Values(
    V(abs.x.xy, abs.y.xy), V(abs.x.zw, abs.y.zw), V(cds.x.xy, cds.y.xy), V(cds.x.zw, cds.y.zw));
}

fn load_four(at: u32) -> V {
  return enter(V(input[at], input[at + STEP], input[at + 2u * STEP], input[at + 3u * STEP]));
}

// Loads every STEP-th coefficient from `at` on.
fn load(at: u32) -> Values {
  return Values(load_four(at), load_four(at + 4u * STEP), load_four(at + 8u * STEP), load_four(at + 12u * STEP));
}

fn canonical(x: V) -> V {
  return reduce_once(reduce_once(x, double), q);
}

// Transforms POINTS coefficients and writes their values from `at` on. `block` is the number of the factor of their
// first level.
fn transform(values: Values, block: u32, at: u32, t: u32) {
  var x = values;
  if (LEVELS == 12u) {
    x = levels(x, block);
  } else {
    x = three_levels(x, block);
  }
  put(x, t, STEP);
  workgroupBarrier();
  let middle = ((t >> 4u) << 8u) | (t & 15u);
  x = levels(take(middle, 16u), (block << (LEVELS - 8u)) + (t >> 4u));
  // These places belong to this invocation.
  put(x, middle, 16u);
  workgroupBarrier();
  x = levels(take(16u * t, 1u), (block << (LEVELS - 4u)) + t);
  let out = at / 4u + 4u * t;
  output[out] = canonical(x.a);
  output[out + 1u] = canonical(x.b);
  output[out + 2u] = canonical(x.c);
  output[out + 3u] = canonical(x.d);
}

@compute @workgroup_size(POINTS / 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  choose_ring(ring_of(group.x));
  let begin = source(group.x) * N;
  let at = group.x * N;
  let x = load(begin + t);
  if (N == POINTS) {
    transform(x, 1u, at, t);
  } else {
    let y = load(begin + POINTS + t);
    let first = factor(1u);
    let a = butterfly(x.a, y.a, V(first.x), V(first.y));
    let b = butterfly(x.b, y.b, V(first.x), V(first.y));
    let c = butterfly(x.c, y.c, V(first.x), V(first.y));
    let d = butterfly(x.d, y.d, V(first.x), V(first.y));
    transform(Values(a.x, b.x, c.x, d.x), 2u, at, t);
    workgroupBarrier();
    transform(Values(a.y, b.y, c.y, d.y), 3u, at + POINTS, t);
  }
}

// The inverse transform: values in bit-reversed order, below 2q, to coefficients in natural order.

@group(0) @binding(2) var<storage, read> input: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> output: array<u32>;

// (x + y, (x − y)·w) for x, y < 2q, with results below 2q.
fn butterfly(x: V, y: V, w: V, quotients: V) -> Pair {
  return Pair(reduce_once(x + y, double), mul_lazy(x + (double - y), w, quotients, q));
}

// The last level, which also divides by N: ((x + y)·v, (x − y)·w) for x, y < 2q, canonical.
fn last_butterfly(x: V, y: V) -> Pair {
  let v = constants[ring + 1u];
  let w = constants[ring + 2u];
  return Pair(
    reduce_once(mul_lazy(x + y, V(v.x), V(v.y), q), q),
    reduce_once(mul_lazy(x + (double - y), V(w.x), V(w.y), q), q),
  );
}

// The last of four levels in the order of the forward transform, so the first here.
fn narrow_level(x: Values, block: u32) -> Values {
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

fn middle_levels(x: Values, block: u32) -> Values {
  let f0 = factor(4u * block);
  let f1 = factor(4u * block + 1u);
  let f2 = factor(4u * block + 2u);
  let f3 = factor(4u * block + 3u);
  let abs = butterfly(
    V(x.a.xy, x.b.xy), V(x.a.zw, x.b.zw), V(f0.xx, f1.xx), V(f0.yy, f1.yy));
  let cds = butterfly(
    V(x.c.xy, x.d.xy), V(x.c.zw, x.d.zw), V(f2.xx, f3.xx), V(f2.yy, f3.yy));
  let low = factor(2u * block);
  let high = factor(2u * block + 1u);
  let ab = butterfly(V(abs.x.xy, abs.y.xy), V(abs.x.zw, abs.y.zw), V(low.x), V(low.y));
  let cd = butterfly(V(cds.x.xy, cds.y.xy), V(cds.x.zw, cds.y.zw), V(high.x), V(high.y));
  return Values(ab.x, ab.y, cd.x, cd.y);
}

fn widest_level(x: Values, block: u32) -> Values {
  let first = factor(block);
  let ac = butterfly(x.a, x.c, V(first.x), V(first.y));
  let bd = butterfly(x.b, x.d, V(first.x), V(first.y));
  return Values(ac.x, bd.x, ac.y, bd.y);
}

// Four levels on the values of an invocation, which are a block of 16 values at equal distances. `block` is the number
// of the factor of the last level.
fn levels(x: Values, block: u32) -> Values {
  return widest_level(middle_levels(narrow_level(x, block), block), block);
}

// Transforms POINTS values, except for the widest level. `block` is the number of the factor of that level.
fn transform(at: u32, block: u32, t: u32) -> Values {
  let first = at / 4u + 4u * t;
  var x = Values(input[first], input[first + 1u], input[first + 2u], input[first + 3u]);
  put(levels(x, (block << (LEVELS - 4u)) + t), 16u * t, 1u);
  workgroupBarrier();
  let middle = ((t >> 4u) << 8u) | (t & 15u);
  x = levels(take(middle, 16u), (block << (LEVELS - 8u)) + (t >> 4u));
  // These places belong to this invocation.
  put(x, middle, 16u);
  workgroupBarrier();
  x = take(t, STEP);
  if (LEVELS == 12u) {
    x = narrow_level(x, block);
  }
  return middle_levels(x, block);
}

fn store_four(x: V, at: u32) {
  output[at] = x.x;
  output[at + STEP] = x.y;
  output[at + 2u * STEP] = x.z;
  output[at + 3u * STEP] = x.w;
}

// Stores every STEP-th coefficient from `at` on.
fn store(a: V, b: V, c: V, d: V, at: u32) {
  store_four(a, at);
  store_four(b, at + 4u * STEP);
  store_four(c, at + 8u * STEP);
  store_four(d, at + 12u * STEP);
}

@compute @workgroup_size(POINTS / 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  choose_ring(ring_of(group.x));
  let at = group.x * N;
  if (N == POINTS) {
    let x = transform(at, 1u, t);
    let ac = last_butterfly(x.a, x.c);
    let bd = last_butterfly(x.b, x.d);
    store(ac.x, bd.x, ac.y, bd.y, at + t);
  } else {
    let x = widest_level(transform(at, 2u, t), 2u);
    workgroupBarrier();
    let y = widest_level(transform(at + POINTS, 3u, t), 3u);
    let a = last_butterfly(x.a, y.a);
    let b = last_butterfly(x.b, y.b);
    let c = last_butterfly(x.c, y.c);
    let d = last_butterfly(x.d, y.d);
    store(a.x, b.x, c.x, d.x, at + t);
    store(a.y, b.y, c.y, d.y, at + POINTS + t);
  }
}

// What both transforms share. A workgroup transforms POINTS values, 16 per invocation: phases of up to four levels in
// registers, and between them an exchange through workgroup memory. A polynomial of 2·POINTS coefficients has one more
// level, between the two halves.

alias V = vec4<u32>;

// The values k = 0 … 15 of an invocation, in order.
struct Values { a: V, b: V, c: V, d: V }

struct Pair { x: V, y: V }

struct Params {
  // The ring of the first polynomial of this dispatch, and the number of rings.
  first: u32,
  rings: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
// For each ring: q; then N^−1, and N^−1 times the last factor of the inverse transform; then, from FACTORS on, the
// factors of the levels. All factors with their quotients.
@group(0) @binding(1) var<storage, read> constants: array<vec2<u32>>;

const STEP: u32 = POINTS / 16u;
const FACTORS: u32 = 4u;

var<workgroup> sh_values: array<u32, POINTS>;

// q and 2q, in all lanes, and where the constants of the ring begin.
var<private> q: V;
var<private> double: V;
var<private> ring: u32;

fn choose_ring(number: u32) {
  ring = number * (FACTORS + N);
  q = V(constants[ring].x);
  double = q + q;
}

fn factor(i: u32) -> vec2<u32> {
  return constants[ring + FACTORS + i];
}

// The place of a value in workgroup memory, so that neighbouring invocations access different banks. Linear: the place
// of i ^ j is the xor of both places.
fn place(i: u32) -> u32 {
  return i ^ ((i >> 4u) & 31u);
}

// Writes value k to the place of first + k·step. `first` has no bits in common with any k·step.
fn put(x: Values, first: u32, step: u32) {
  let base = place(first);
  sh_values[base] = x.a.x;
  sh_values[base ^ place(step)] = x.a.y;
  sh_values[base ^ place(2u * step)] = x.a.z;
  sh_values[base ^ place(3u * step)] = x.a.w;
  sh_values[base ^ place(4u * step)] = x.b.x;
  sh_values[base ^ place(5u * step)] = x.b.y;
  sh_values[base ^ place(6u * step)] = x.b.z;
  sh_values[base ^ place(7u * step)] = x.b.w;
  sh_values[base ^ place(8u * step)] = x.c.x;
  sh_values[base ^ place(9u * step)] = x.c.y;
  sh_values[base ^ place(10u * step)] = x.c.z;
  sh_values[base ^ place(11u * step)] = x.c.w;
  sh_values[base ^ place(12u * step)] = x.d.x;
  sh_values[base ^ place(13u * step)] = x.d.y;
  sh_values[base ^ place(14u * step)] = x.d.z;
  sh_values[base ^ place(15u * step)] = x.d.w;
}

fn take_four(base: u32, k: u32, step: u32) -> V {
  return V(
    sh_values[base ^ place(k * step)],
    sh_values[base ^ place((k + 1u) * step)],
    sh_values[base ^ place((k + 2u) * step)],
    sh_values[base ^ place((k + 3u) * step)],
  );
}

// Reads what `put` writes.
fn take(first: u32, step: u32) -> Values {
  let base = place(first);
  return Values(
    take_four(base, 0u, step),
    take_four(base, 4u, step),
    take_four(base, 8u, step),
    take_four(base, 12u, step),
  );
}

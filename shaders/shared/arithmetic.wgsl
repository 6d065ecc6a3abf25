// Montgomery arithmetic modulo m and m², with R = 2^(32·N); see docs/arithmetic.md. The number of lanes per number is
// arbitrary; one_lane.wgsl and many_lanes.wgsl define a lane.
//
// Reduction is lazy: the components of pairs are below R, and only `reduce` brings them below m. Loops marked
// `unroll` are unrolled when the shader is loaded. Loops marked `unroll row` run once per word of an operand, the
// others once.

// The L words of a number that belong to this lane.
alias Words = array<u32, ROOM>;

const ALL_ONES = 0xffffffffu;

fn set_operand(which: u32, x: ptr<function, Words>) {
  for (var j = 0u; j < L; j++) { // unroll
    set_operand_word(which, lane * L + j, (*x)[j]);
  }
}

// Sets an operand to a number in the constants.
fn set_operand_constant(which: u32, at: u32) {
  for (var j = 0u; j < L; j++) { // unroll
    set_operand_word(which, lane * L + j, constants[at + lane * L + j]);
  }
}

// to = x, word by word: some drivers copy whole arrays with one instruction per word of the array type.
fn copy(x: ptr<function, Words>, to: ptr<function, Words>) {
  for (var j = 0u; j < L; j++) { // unroll
    (*to)[j] = (*x)[j];
  }
}

fn clear(x: ptr<function, Words>) {
  for (var j = 0u; j < L; j++) { // unroll
    (*x)[j] = 0u;
  }
}

// Adds `into` to t in each lane; every lane has its own small number. Returns the carry out of the number.
fn add_carry(t: ptr<function, Words>, into: u32) -> u32 {
  var carry = into;
  var ones = ALL_ONES;
  for (var j = 0u; j < L; j++) { // unroll
    let sum = (*t)[j] + carry;
    carry = u32(sum < carry);
    ones &= sum;
    (*t)[j] = sum;
  }
  let ahead = look_ahead(carry != 0u, ones == ALL_ONES);
  carry = ahead.x;
  for (var j = 0u; j < L; j++) { // unroll
    let sum = (*t)[j] + carry;
    carry = u32(sum < carry);
    (*t)[j] = sum;
  }
  return ahead.y;
}

// Propagates the carry out of each lane to the lane above it, and further. Returns the carry out of the number.
fn settle(t: ptr<function, Words>, out: u32) -> u32 {
  return from_last(out) + add_carry(t, from_below(out));
}

// Returns 1 if t < m, else 0.
fn is_below_modulus(t: ptr<function, Words>) -> u32 {
  var borrow = 0u;
  var any = 0u;
  for (var j = 0u; j < L; j++) { // unroll
    let x = (*t)[j];
    let y = modulus(j);
    let difference = x - y;
    any |= difference - borrow;
    borrow = u32(x < y) | u32(difference < borrow);
  }
  return look_ahead(borrow != 0u, any == 0u).y;
}

// t −= m if the mask is all ones; subtracts nothing if it is 0. Returns the borrow out of the number.
fn subtract_modulus(t: ptr<function, Words>, mask: u32) -> u32 {
  var borrow = 0u;
  var any = 0u;
  for (var j = 0u; j < L; j++) { // unroll
    let x = (*t)[j];
    let y = modulus(j) & mask;
    let difference = x - y;
    let word = difference - borrow;
    borrow = u32(x < y) | u32(difference < borrow);
    any |= word;
    (*t)[j] = word;
  }
  let ahead = look_ahead(borrow != 0u, any == 0u);
  borrow = ahead.x;
  for (var j = 0u; j < L; j++) { // unroll
    let x = (*t)[j];
    (*t)[j] = x - borrow;
    borrow = u32(x < borrow);
  }
  return ahead.y;
}

// Subtracts m from t + top·R until the result is below R. Returns how many times.
fn shrink(t: ptr<function, Words>, top: u32) -> u32 {
  var left = top;
  var times = 0u;
  while any_number(left != 0u) {
    let needed = u32(left != 0u);
    left -= subtract_modulus(t, 0u - needed);
    times += needed;
  }
  return times;
}

// t += value, for a small value. Returns the carry.
fn add_small(t: ptr<function, Words>, value: u32) -> u32 {
  return add_carry(t, select(0u, value, lane == 0u));
}

// t += x. Returns the carry.
fn add(t: ptr<function, Words>, x: ptr<function, Words>) -> u32 {
  var carry = 0u;
  for (var j = 0u; j < L; j++) { // unroll
    let partial = (*t)[j] + (*x)[j];
    let sum = partial + carry;
    carry = u32(partial < (*x)[j]) + u32(sum < carry);
    (*t)[j] = sum;
  }
  return settle(t, carry);
}

// Montgomery product: t = (x·y + q·m)/R, where y is the index of an operand. Subtracts m if the result is not below
// R. Stores the quotient q as the third operand. Returns how many times m was subtracted: at most once.
fn multiply(x: ptr<function, Words>, y: u32, t: ptr<function, Words>) -> u32 {
  fence();
  for (var j = 0u; j < L; j++) { // unroll
    (*t)[j] = 0u;
  }
  let inverse = constants[0];
  let rows = params.words * LANES;
  var out = 0u;
  for (var i = 0u; i < rows; i++) {
    let digit = operand(y, i);
    let q = from_first(((*x)[0] * digit + (*t)[0]) * inverse);
    keep_quotient(i, q);
    var carry_x = 0u;
    var carry_q = 0u;
    var low = 0u;
    for (var j = 0u; j < L; j++) { // unroll row
      let product = mac((*x)[j], digit, (*t)[j], carry_x);
      carry_x = product.y;
      let reduced = mac(q, modulus(j), product.x, carry_q);
      carry_q = reduced.y;
      low = select(low, reduced.x, j == 0u);
      (*t)[max(j, 1u) - 1u] = reduced.x;
    }
    let a = from_above(low, 0u);
    let b = a + carry_x;
    let c = b + carry_q;
    let d = c + out;
    (*t)[L - 1u] = d;
    out = u32(b < a) + u32(c < b) + u32(d < c);
  }
  fence();
  return shrink(t, settle(t, out));
}

// Sets t to the complement of the quotient q that `multiply` stored. The callers add the missing 1: −q = ~q + 1.
fn start_at_minus_quotient(t: ptr<function, Words>) {
  for (var j = 0u; j < L; j++) { // unroll
    (*t)[j] = ~operand(2u, lane * L + j);
  }
}

// The second component of a product of pairs: t = (x·y + v·w − q + q'·m)/R + times, reduced below R, where y and w
// are indices of operands, q is the quotient that `multiply` stored for the first component, and `times` is the value
// that it returned.
//
// −q is added as R − q, which makes the result 1 too large. That is correct if `times` is 1. If `times` is 0, the
// words that are shifted in at the top are all ones instead of zeros: −R in two's complement, which cancels R;
// `shrink` gets the top word corrected by 1.
fn multiply_cross(
  x: ptr<function, Words>, y: u32, v: ptr<function, Words>, w: u32, times: u32, t: ptr<function, Words>,
) {
  start_at_minus_quotient(t);
  let inverse = constants[0];
  let rows = params.words * LANES;
  let filler = select(0u, ALL_ONES, times == 0u);
  var one = select(0u, 1u, lane == 0u);
  var out = 0u;
  for (var i = 0u; i < rows; i++) {
    let digit_x = operand(y, i);
    let digit_v = operand(w, i);
    let q = from_first(((*x)[0] * digit_x + (*v)[0] * digit_v + (*t)[0] + one) * inverse);
    var carry_x = one;
    one = 0u;
    var carry_v = 0u;
    var carry_q = 0u;
    var low = 0u;
    for (var j = 0u; j < L; j++) { // unroll row
      let first = mac((*x)[j], digit_x, (*t)[j], carry_x);
      carry_x = first.y;
      let both = mac((*v)[j], digit_v, first.x, carry_v);
      carry_v = both.y;
      let reduced = mac(q, modulus(j), both.x, carry_q);
      carry_q = reduced.y;
      low = select(low, reduced.x, j == 0u);
      (*t)[max(j, 1u) - 1u] = reduced.x;
    }
    let a = from_above(low, filler);
    let b = a + carry_x;
    let c = b + carry_v;
    let d = c + carry_q;
    let e = d + out;
    (*t)[L - 1u] = e;
    out = u32(b < a) + u32(c < b) + u32(d < c) + u32(e < d);
  }
  shrink(t, settle(t, out) - (filler & 1u));
}

// `multiply_cross` with a single product.
fn multiply_one(x: ptr<function, Words>, y: u32, times: u32, t: ptr<function, Words>) {
  start_at_minus_quotient(t);
  let inverse = constants[0];
  let rows = params.words * LANES;
  let filler = select(0u, ALL_ONES, times == 0u);
  var one = select(0u, 1u, lane == 0u);
  var out = 0u;
  for (var i = 0u; i < rows; i++) {
    let digit = operand(y, i);
    let q = from_first(((*x)[0] * digit + (*t)[0] + one) * inverse);
    var carry_x = one;
    one = 0u;
    var carry_q = 0u;
    var low = 0u;
    for (var j = 0u; j < L; j++) { // unroll row
      let product = mac((*x)[j], digit, (*t)[j], carry_x);
      carry_x = product.y;
      let reduced = mac(q, modulus(j), product.x, carry_q);
      carry_q = reduced.y;
      low = select(low, reduced.x, j == 0u);
      (*t)[max(j, 1u) - 1u] = reduced.x;
    }
    let a = from_above(low, filler);
    let b = a + carry_x;
    let c = b + carry_q;
    let d = c + out;
    (*t)[L - 1u] = d;
    out = u32(b < a) + u32(c < b) + u32(d < c);
  }
  shrink(t, settle(t, out) - (filler & 1u));
}

// Multiplies (x0, x1) by the pair in the first two operands.
fn pair_multiply(x0: ptr<function, Words>, x1: ptr<function, Words>) {
  var z0: Words;
  var z1: Words;
  let times = multiply(x0, 0u, &z0);
  multiply_cross(x0, 1u, x1, 0u, times, &z1);
  copy(&z0, x0);
  copy(&z1, x1);
}

// Squares (x0, x1).
fn pair_square(x0: ptr<function, Words>, x1: ptr<function, Words>) {
  var z0: Words;
  var z1: Words;
  var doubled: Words;
  copy(x1, &doubled);
  shrink(&doubled, add(&doubled, x1));
  fence();
  set_operand(0u, x0);
  set_operand(1u, &doubled);
  let times = multiply(x0, 0u, &z0);
  multiply_one(x0, 1u, times, &z1);
  copy(&z0, x0);
  copy(&z1, x1);
}

// Reduces both components below m. The residue modulo m² stays the same.
fn reduce(x0: ptr<function, Words>, x1: ptr<function, Words>) {
  let times = reduce_word(x0, 0u);
  reduce_word(x1, add_small(x1, times));
}

// Reduces x + top·R below m. Returns how many times m was subtracted.
fn reduce_word(x: ptr<function, Words>, top: u32) -> u32 {
  var left = top;
  var times = 0u;
  loop {
    let needed = u32(left >= is_below_modulus(x));
    if !any_number(needed != 0u) { break; }
    left -= subtract_modulus(x, 0u - needed);
    times += needed;
  }
  return times;
}

// Sets the first two operands to the pair 1. Multiplying by it converts a pair from Montgomery form.
fn set_pair_one() {
  fence();
  for (var j = 0u; j < L; j++) { // unroll
    set_operand_word(0u, lane * L + j, select(0u, 1u, lane + j == 0u));
    set_operand_word(1u, lane * L + j, 0u);
  }
}

// Montgomery arithmetic modulo m and m², R = 2^(32·N): docs/arithmetic.md. Written for any number of lanes a number;
// one_lane.wgsl and many_lanes.wgsl say what a lane is.
//
// Components of pairs are below R, not always below m, until `reduce` makes them so. Loops marked `unroll` are written
// out when the shader is loaded; those marked `unroll row` run once for every word of an operand, the others once.

// The words of a number that this lane has, L of them.
alias Words = array<u32, ROOM>;

const ALL_ONES = 0xffffffffu;

fn set_operand(which: u32, x: ptr<function, Words>) {
  for (var j = 0u; j < L; j++) { // unroll
    set_operand_word(which, lane * L + j, (*x)[j]);
  }
}

// Takes an operand from the constants.
fn set_operand_constant(which: u32, at: u32) {
  for (var j = 0u; j < L; j++) { // unroll
    set_operand_word(which, lane * L + j, constants[at + lane * L + j]);
  }
}

// to = x, word by word: some drivers copy whole arrays with as many instructions as they have words.
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

// t += carry in each lane, a small number of its own. Returns what leaves the number.
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

// Sends what each lane carries out to the lane above it, and on. Returns what leaves the number.
fn settle(t: ptr<function, Words>, out: u32) -> u32 {
  return from_last(out) + add_carry(t, from_below(out));
}

// Whether t is below m: 1 or 0.
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

// t −= m where the mask is all ones, and nothing where it is 0. Returns what is borrowed.
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

// Subtracts m from t + top·R until that is below R. Returns how often.
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

// t += value, for a small value.
fn add_small(t: ptr<function, Words>, value: u32) -> u32 {
  return add_carry(t, select(0u, value, lane == 0u));
}

// t += x.
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

// t = (x·y + q·m)/R for the operand y of that number, less m if that is not below R. Keeps q as the third operand.
// Returns how often m was subtracted: at most once.
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

// Starts t at −q for the q that `multiply` kept: its complement, to which 1 is added on the way.
fn start_at_minus_quotient(t: ptr<function, Words>) {
  for (var j = 0u; j < L; j++) { // unroll
    (*t)[j] = ~operand(2u, lane * L + j);
  }
}

// t = (x·y + v·w − q + q'·m)/R + corrections, less m until it is below R, for operands y and w. With `times` the result of
// the `multiply` that kept q, t is the second component of the pair whose first component that left.
//
// −q is written as R − q, which leaves 1 too many. Where nothing is to be added for `times`, the words above R are
// filled with ones, which takes R·R from what would be added, and gives it back at the top.
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

// multiply_cross with one product.
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

// (x0, x1) times the pair in the first two operands.
fn pair_multiply(x0: ptr<function, Words>, x1: ptr<function, Words>) {
  var z0: Words;
  var z1: Words;
  let times = multiply(x0, 0u, &z0);
  multiply_cross(x0, 1u, x1, 0u, times, &z1);
  copy(&z0, x0);
  copy(&z1, x1);
}

// (x0, x1) squared.
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

// Brings both components below m without changing the number modulo m².
fn reduce(x0: ptr<function, Words>, x1: ptr<function, Words>) {
  let times = reduce_word(x0, 0u);
  reduce_word(x1, add_small(x1, times));
}

// Brings x + top·R below m. Returns how often m was subtracted.
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

// Makes the pair 1 the first two operands: times that, a pair leaves Montgomery form.
fn set_pair_one() {
  fence();
  for (var j = 0u; j < L; j++) { // unroll
    set_operand_word(0u, lane * L + j, select(0u, 1u, lane + j == 0u));
    set_operand_word(1u, lane * L + j, 0u);
  }
}

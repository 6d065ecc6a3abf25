// pair_fixed_base_pow: one base to each row's exponent, modulo m².
//
// input: exponents. second: the window table, entry d of window i
// being base^(d·256^i) in Montgomery form. state: the products so far.

struct Params {
  rows: u32,
  words: u32,
  // Windows to do: from, up to but not including to.
  first: u32,
  last: u32,
  // Words of a row of exponents.
  exponent_words: u32,
  // Bits of an exponent that count.
  exponent_bits: u32,
  // The windows of all dispatches.
  windows: u32,
  // The first window of the part of the table that is there.
  part: u32,
}

fn digit(i: u32) -> u32 {
  let bits = min(params.exponent_bits - 8u * i, 8u);
  return (input[row() * params.exponent_words + i / 4u] >> (8u * (i % 4u))) & ((1u << bits) - 1u);
}

fn run() {
  prepare();
  let at = row() * 2u * N;
  var x0: Words;
  var x1: Words;
  if params.first == 0u {
    read_constant(AT_ONE, &x0);
    read_constant(AT_ONE + N, &x1);
  } else {
    read_state(at, &x0);
    read_state(at + N, &x1);
  }
  let is_end = params.last == params.windows;
  // One factor more at the end: 1, which leaves Montgomery form.
  for (var i = params.first; i < params.last + u32(is_end); i++) {
    if i < params.last {
      set_pair_second(((i - params.part) * 256u + digit(i)) * 2u * N);
    } else {
      set_pair_one();
    }
    pair_multiply(&x0, &x1);
  }
  if !is_end {
    if is_row() {
      write_state(at, &x0);
      write_state(at + N, &x1);
    }
    return;
  }
  reduce(&x0, &x1);
  if is_row() {
    write_output(at, &x0);
    write_output(at + N, &x1);
  }
}

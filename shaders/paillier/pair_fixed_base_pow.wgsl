// pair_fixed_base_pow: one fixed base to the exponent of each row, modulo m².
//
// input: exponents. second: the window table; entry d of window i is base^(d·256^i) in Montgomery form. state: the
// products so far.

struct Params {
  rows: u32,
  words: u32,
  // The range of windows: `first` inclusive, `last` exclusive.
  first: u32,
  last: u32,
  // Words per exponent.
  exponent_words: u32,
  // Bits per exponent.
  exponent_bits: u32,
  // The number of windows in all dispatches.
  windows: u32,
  // The first window of the part of the table in `second`.
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
  // After the last window, multiply by 1 to convert from Montgomery form.
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

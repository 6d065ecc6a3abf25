// pair_mul: the product of each row of `input` and the same row of `second`, modulo m².

struct Params {
  rows: u32,
  words: u32,
}

fn run() {
  prepare();
  let at = row() * 2u * N;
  var x0: Words;
  var x1: Words;
  read_input(at, &x0);
  read_input(at + N, &x1);
  // Convert to Montgomery form, then multiply by the other row.
  for (var factor = 0u; factor < 2u; factor++) {
    if factor == 0u {
      set_pair_constant(AT_R2);
    } else {
      set_pair_second(at);
    }
    pair_multiply(&x0, &x1);
  }
  reduce(&x0, &x1);
  if is_row() {
    write_output(at, &x0);
    write_output(at + N, &x1);
  }
}

// pair_fixed_base_pow: one base to each row's exponent, modulo m².
//
// input: exponents, params.a words a row, of which params.b bits count. second: the window table, entry d of window i
// being base^(d·256^i) in Montgomery form. state: the products so far.
// params.first to params.last: the windows to do. params.c: the last window of all. params.d: the first window of the
// table's part that is there.

fn digit(i: u32) -> u32 {
  let bits = min(params.b - 8u * i, 8u);
  return (input[row() * params.a + i / 4u] >> (8u * (i % 4u))) & ((1u << bits) - 1u);
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
  let is_end = params.last == params.c;
  // One factor more at the end: 1, which leaves Montgomery form.
  for (var i = params.first; i < params.last + u32(is_end); i++) {
    if i < params.last {
      set_pair_second(((i - params.d) * 256u + digit(i)) * 2u * N);
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

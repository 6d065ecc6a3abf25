// The first part of hamming_decode: ciphertexts modulo n² as pairs modulo n, to pairs modulo p² in Montgomery form.
//
// input: rows of c0 = u0 + u1·R and c1 = v0 + v1·R, N words each. state: their accumulators.
// c = u0 + u1·R + p·(q·c1), so c·R = (u0 + p·w)·R + u1·R·R with w = q·(v0 + v1·R) mod p.

struct Params {
  rows: u32,
  words: u32,
}

fn run() {
  prepare();
  let from_row = row() * 4u * N;
  var u: Words;
  var w: Words;
  var t: Words;

  // w, from q·R and q·R² modulo p.
  fence();
  set_operand_constant(0u, AT_OTHER_R);
  set_operand_constant(1u, AT_OTHER_R2);
  for (var half = 0u; half < 2u; half++) {
    read_input(from_row + (2u + half) * N, &u);
    multiply(&u, half, &t);
    shrink(&w, add(&w, &t));
  }

  // The sum of u0 + p·w and u1·R, in Montgomery form.
  var sum0: Words;
  var sum1: Words;
  for (var half = 0u; half < 2u; half++) {
    read_input(from_row + half * N, &u);
    if half == 0u {
      set_pair_constant(AT_R2);
    } else {
      set_pair_constant(AT_R3);
      clear(&w);
    }
    pair_multiply(&u, &w);
    let times = shrink(&sum0, add(&sum0, &u));
    let top = add(&sum1, &w);
    shrink(&sum1, top + add_small(&sum1, times));
  }
  if is_row() {
    write_state(row() * 2u * N, &sum0);
    write_state(row() * 2u * N + N, &sum1);
  }
}

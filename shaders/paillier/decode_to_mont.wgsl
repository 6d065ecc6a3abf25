// The first step of hamming_decode: converts ciphertexts modulo n², given as pairs modulo n, to pairs modulo p² in
// Montgomery form.
//
// input: rows of c0 = u0 + u1·R and c1 = v0 + v1·R, where u and v have N words each. state: the accumulators.
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

  // u0 + p·w and u1·R, in Montgomery form, and their sum. The first is kept in `state` instead of registers.
  let to = row() * 2u * N;
  for (var half = 0u; half < 2u; half++) {
    read_input(from_row + half * N, &u);
    if half == 0u {
      set_pair_constant(AT_R2);
    } else {
      set_pair_constant(AT_R3);
      clear(&w);
    }
    pair_multiply(&u, &w);
    if half == 1u {
      read_state(to, &t);
      let times = shrink(&u, add(&u, &t));
      read_state(to + N, &t);
      let top = add(&w, &t);
      shrink(&w, top + add_small(&w, times));
    }
    if is_row() {
      write_state(to, &u);
      write_state(to + N, &w);
    }
  }
}

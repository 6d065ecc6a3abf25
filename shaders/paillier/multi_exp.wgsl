// multi_exp: one round of products of numbers in slots, modulo m². The host plans the products.
//
// state: slots, one pair each. second: the two slots of each product.

struct Params {
  rows: u32,
  words: u32,
  // The first product of the round in `second`.
  first: u32,
  // The slot of the first product; the other products follow.
  to: u32,
  // 1: products go to rows of the output instead of slots, reduced.
  is_last: u32,
}

fn run() {
  prepare();
  let product = 2u * (params.first + row());
  let from_row = second[product] * 2u * N;
  var x0: Words;
  var x1: Words;
  read_state(from_row, &x0);
  read_state(from_row + N, &x1);
  set_pair_state(second[product + 1u] * 2u * N);
  pair_multiply(&x0, &x1);
  let to = (params.to + row()) * 2u * N;
  if params.is_last == 0u {
    if is_row() {
      write_state(to, &x0);
      write_state(to + N, &x1);
    }
    return;
  }
  reduce(&x0, &x1);
  if is_row() {
    write_output(to, &x0);
    write_output(to + N, &x1);
  }
}

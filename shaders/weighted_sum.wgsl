// weighted_sum: a round of products of numbers in slots, modulo m². Which products, the host has found out.
//
// state: slots, a pair each. second: the two slots of each product. params.a: the round's first product there.
// params.b: the slot that the first one goes to; the others follow. With params.c = 1 they go to rows of the output
// instead, reduced.

fn run() {
  prepare();
  let product = 2u * (params.a + row());
  let from_row = second[product] * 2u * N;
  var x0: Words;
  var x1: Words;
  read_state(from_row, &x0);
  read_state(from_row + N, &x1);
  set_pair_state(second[product + 1u] * 2u * N);
  pair_multiply(&x0, &x1);
  let to = (params.b + row()) * 2u * N;
  if params.c == 0u {
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

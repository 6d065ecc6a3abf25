// hamming_aggregate: each query times each stored row, modulo n².
//
// input: stored rows. second: queries times R, as pairs. output: all rows of the first query, then those of the next.
// Only the queries are in Montgomery form, so products are plain.

struct Params {
  rows: u32,
  words: u32,
  // The range of queries: `first` inclusive, `last` exclusive.
  first: u32,
  last: u32,
  // The number of input rows to skip.
  skipped: u32,
}

fn run() {
  prepare();
  let from_row = (params.skipped + row()) * 2u * N;
  for (var query = params.first; query < params.last; query++) {
    var x0: Words;
    var x1: Words;
    set_pair_second(query * 2u * N);
    read_input(from_row, &x0);
    read_input(from_row + N, &x1);
    pair_multiply(&x0, &x1);
    reduce(&x0, &x1);
    if is_row() {
      let to = (query * params.rows + row()) * 2u * N;
      write_output(to, &x0);
      write_output(to + N, &x1);
    }
  }
}

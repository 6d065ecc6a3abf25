// a·b + c + d as (low, high).
fn mac(a: u32, b: u32, c: u32, d: u32) -> vec2<u32> {
  let wide = u64(a) * u64(b) + u64(c) + u64(d);
  return vec2<u32>(u32(wide), u32(wide >> 32u));
}

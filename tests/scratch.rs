//! Scratch.
#![allow(clippy::unwrap_used)]
#[path = "common/numbers.rs"] mod numbers;
#[path = "common/reference.rs"] mod reference;
use hushvec::Device; use hushvec::hazmat::*; use numbers::SplitMix; use reference::*;
#[test]
fn scratch() {
    let mut random = SplitMix(1);
    for (name, options) in [("coop", KernelOptions::default()), ("portable", KernelOptions { portable: true, ..Default::default() })] {
        let backend = Backend::with_options(&Device::Gpu, None, options).unwrap();
        println!("{backend:?}");
        for bits in std::env::var("SIZES").unwrap_or("512 1024".into()).split(" ").map(|s| s.parse::<usize>().unwrap()) {
            let (m, width) = (random.modulus(bits), bits / 64);
            let modulus = Modulus::new(&limbs(&m, width)).unwrap();
            let a = random.residues(&m, 70); let b = random.residues(&m, 73).split_off(3);
            let rows = |v: &Vec<num_bigint::BigUint>| v.iter().flat_map(|x| pair_row(x, &m, width)).collect::<Vec<u64>>();
            let (ra, rb) = (rows(&a), rows(&b));
            let mut out = vec![7; ra.len()];
            let t = std::time::Instant::now();
            let r = backend.pair_mul_on_gpu(&modulus, Rows::new(&ra, 2*width), Rows::new(&rb, 2*width), &mut out).unwrap();
            if let Err(e) = r { println!("{name} {bits}: {}", &e[..e.len().min(1500)]); continue; }
            let bad = out.chunks(2*width).zip(a.iter().zip(&b)).filter(|(row, (a, b))| { let (x0,x1)=row.split_at(width); biguint(x0)+biguint(x1)*&m != *a * *b % (&m*&m) }).count();
            let first = t.elapsed(); let t = std::time::Instant::now(); backend.pair_mul_on_gpu(&modulus, Rows::new(&ra, 2*width), Rows::new(&rb, 2*width), &mut out); println!("{name} {bits}: {bad} wrong, {first:?} then {:?}", t.elapsed());
        }
    }
}

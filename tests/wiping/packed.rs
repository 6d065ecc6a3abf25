//! Secrets of packed search: the seed of the key, and vectors in each form that they take.

use crate::left_behind;
use hushvec::packed::{Parameters, PlainVectors, Vectors};
use hushvec::{
    BitMatrix, Device, Ids, OpenDevice, PackedContext, PackedEvaluator, PackedIndex, PackedIndexWriter, PackedResponse,
    PassphraseKeyProvider, Progress,
};
use std::path::PathBuf;
use std::sync::Arc;

/// Enough for a search in memory to find no other bytes by chance.
const DIMENSIONS: usize = 256;

struct Case {
    _folder: tempfile::TempDir,
    path: PathBuf,
    context: PackedContext,
}

impl Case {
    fn new(parameters: Parameters) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let provider = Arc::new(PassphraseKeyProvider::new("test").unwrap());
        let context =
            PackedContext::generate(parameters, OpenDevice::open(Device::Cpu, None).unwrap(), provider).unwrap();
        Self { path: folder.path().join("index"), _folder: folder, context }
    }

    /// Everything that an owner does with vectors, which are also the queries. The secret is the last of two.
    fn work(&self, vectors: &Vectors<'_>, more: &Vectors<'_>) {
        let (path, context) = (&self.path, &self.context);
        let _ = std::fs::remove_file(path);
        let mut writer = PackedIndexWriter::create(path, context).unwrap();
        // Rows, a block that replaces them, and more rows.
        writer.append(vectors, None).unwrap();
        writer.append(more, None).unwrap();
        writer.append(vectors, None).unwrap();
        writer.delete(&Ids::from(vec![0u64])).unwrap();
        drop(writer);
        // Decrypts a block, and seals what does not fill one.
        PackedIndex::compact(path, context, &Progress::new()).unwrap();
        let index = PackedIndex::open(path).unwrap();
        drop(index.last_appended(context).unwrap());
        drop(index.nearest(context, vectors, 1, &Progress::new()).unwrap());

        let query = context.encrypt_queries(vectors).unwrap();
        let response = path.with_extension("response");
        let evaluator = PackedEvaluator::open(&context.public_context().unwrap(), Device::Cpu).unwrap();
        evaluator.aggregate(&query, &index, &response, &Progress::new()).unwrap();
        let response = PackedResponse::open(&response).unwrap();
        drop(response.nearest(context, 1, &Progress::new()).unwrap());
    }
}

#[test]
fn binary_vectors_are_wiped() {
    let case = Case::new(Parameters::hamming(DIMENSIONS).unwrap());
    // Memory that is freed here is not wiped, and could be found when it is used and freed again. So the secret is the last
    // of two vectors, and others differ from it.
    let row = |i: usize| -> [u8; DIMENSIONS] { std::array::from_fn(|j| u8::from((i + 3) * j * j % 11 < 5)) };
    let vectors = BitMatrix::from_rows(DIMENSIONS, [row(0), row(1)]).unwrap();
    let more = BitMatrix::from_rows(DIMENSIONS, vec![[1; DIMENSIONS]; 4096]).unwrap();
    let secret = row(1).to_vec();
    let packed: Vec<u8> = secret.chunks(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit)).collect();
    // As a file has them, as a matrix has them, one per byte in both directions, and as components and weights.
    let words: Vec<u8> = packed.iter().rev().copied().collect();
    let reversed: Vec<u8> = secret.iter().rev().copied().collect();
    let components: Vec<u8> = secret.iter().flat_map(|bit| i16::from(*bit).to_le_bytes()).collect();
    let forms =
        [("packed", packed), ("words", words), ("bits", secret), ("reversed", reversed), ("components", components)];
    for (form, needle) in forms {
        let (found, ()) = left_behind(needle, || case.work(&Vectors::Bits(&vectors), &Vectors::Bits(&more)));
        assert_eq!(found, 0, "{form} were left in memory");
    }
}

#[test]
fn integer_vectors_are_wiped() {
    for length in [64, 620] {
        let case = Case::new(Parameters::inner_product(DIMENSIONS, length).unwrap());
        let component = |i: usize, j: usize| f32::from(u16::try_from((i + 3) * j * j % 101).unwrap()) - 50.0;
        let rows = |rows: std::ops::Range<usize>| -> Vec<f32> {
            rows.flat_map(|i| (0..DIMENSIONS).map(move |j| component(i, j))).collect()
        };
        let (vectors, more) = (rows(0..2), rows(2..4098));
        let norm = vectors[DIMENSIONS..].iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "components are below 620")]
        let integers = vectors[DIMENSIONS..].iter().map(|x| (f64::from(*x) * f64::from(length) / norm).round() as i32);
        let wide: Vec<u8> = integers.clone().flat_map(i32::to_le_bytes).collect();
        let width = if length == 620 { 2 } else { 1 };
        let bytes: Vec<u8> = integers.clone().flat_map(|x| x.to_le_bytes().into_iter().take(width)).collect();
        let halves: Vec<u8> = integers.flat_map(|x| x.to_le_bytes().into_iter().take(2)).collect();
        for (form, needle) in [("bytes", bytes), ("components", halves), ("weights", wide)] {
            let (found, ()) = left_behind(needle, || case.work(&Vectors::Reals(&vectors), &Vectors::Reals(&more)));
            assert_eq!(found, 0, "{form} of length {length} were left in memory");
        }
    }
}

#[test]
fn seeds_are_wiped() {
    let case = Case::new(Parameters::hamming(64).unwrap());
    let (seed, text) = (case.context.key().seed().to_vec(), case.context.serialize().unwrap());
    let provider = PassphraseKeyProvider::new("test").unwrap();
    let load = || PackedContext::from_serialized(&text, &provider, None).unwrap();
    let (found, context) = left_behind(&seed, load);
    assert_eq!(found, 0, "loading left the seed in memory");
    let (found, _) = left_behind(&seed, || context.serialize().unwrap());
    assert_eq!(found, 0, "writing left the seed in memory");
    let (found, ()) = left_behind(&seed, || {
        let vectors = BitMatrix::from_rows(64, [[1; 64]]).unwrap();
        case.work(&Vectors::Bits(&vectors), &Vectors::Bits(&BitMatrix::from_rows(64, vec![[0; 64]; 4096]).unwrap()));
        drop(context.public_context().unwrap());
        drop(context);
    });
    assert_eq!(found, 0, "work or dropping left the seed in memory");
}

/// What is shown of secrets, and of errors about forged rows, has neither vectors nor keys.
#[test]
fn secrets_are_not_shown() {
    let case = Case::new(Parameters::inner_product(64, 620).unwrap());
    let component = |j: u16| f32::from(j * j % 97) - 20.0;
    let vectors: Vec<f32> = (0..64).map(component).collect();
    case.work(&Vectors::Reals(&vectors), &Vectors::Reals(&vectors));
    let index = PackedIndex::open(&case.path).unwrap();
    let (_, last) = index.last_appended(&case.context).unwrap().unwrap();
    let PlainVectors::Integers(integers) = &last else { panic!("not integers") };
    let (writer, _) = PackedIndexWriter::append_to(&case.path, &case.context).unwrap();
    let query = case.context.encrypt_queries(&Vectors::Reals(&vectors)).unwrap();
    let shown = format!("{last:?} {:?} {writer:?} {index:?} {query:?} {:?}", last.as_vectors(), case.context);
    drop(writer);
    let other = Case::new(Parameters::inner_product(64, 620).unwrap());
    let errors = [
        index.nearest(&other.context, &Vectors::Reals(&vectors), 1, &Progress::new()).unwrap_err(),
        index.nearest(&case.context, &Vectors::Reals(&[f32::NAN; 64]), 1, &Progress::new()).unwrap_err(),
        index.nearest(&case.context, &Vectors::Integers(&[1000; 64]), 1, &Progress::new()).unwrap_err(),
    ];
    let shown = format!("{shown} {errors:?} {}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let few = |numbers: &[String]| numbers[5..8].join(", ");
    let seed: Vec<String> = case.context.key().seed().iter().map(ToString::to_string).collect();
    let components: Vec<String> = integers.iter().map(ToString::to_string).collect();
    let reals: Vec<String> = vectors.iter().map(|x| format!("{x:?}")).collect();
    for secret in [few(&seed), few(&components), few(&reals), "1000, 1000".to_owned()] {
        assert!(!shown.contains(&secret), "{secret}: {shown}");
    }
}

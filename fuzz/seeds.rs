//! Writes the seeds of the corpus: one valid file of each kind, except tables, which are long. Run it in this folder
//! after a change of a format.

use hushvec::{
    BitMatrix, Device, Evaluator, ExecutionContext, Format, HomomorphicClient, IdKind, Ids, Index, IndexWriter,
    NumberFormat, OpenDevice, PackedContext, PackedEvaluator, PackedIndex, PackedIndexWriter, Progress, Query, Scheme,
    packed::{Parameters, SecretKey, Vectors},
};
use hushvec_fuzz::packed_file::{EVALUATION_KEY, context as packed_context, without_records};
use hushvec_fuzz::{FixedKeyProvider, load};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const DIMENSIONS: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let corpus = Path::new("corpus");
    for target in ["context", "public_context", "ciphertext", "record_file", "numbers", "packed", "packed_file"] {
        fs::create_dir_all(corpus.join(target))?;
    }
    let schemes =
        [("subgroup", Scheme::PaillierSubgroup), ("paillier", Scheme::Paillier), ("lookup", Scheme::PaillierLookup)];
    for (name, scheme) in schemes {
        let path = corpus.join(format!("context/{name}.json"));
        if !path.exists() {
            let builder = ExecutionContext::builder().scheme(scheme).embedding_length(DIMENSIONS);
            fs::write(&path, builder.create(FixedKeyProvider(Vec::new()))?.serialize_exec_context()?)?;
        }
        let context = load(&fs::read_to_string(&path)?)?;
        fs::write(corpus.join(format!("public_context/{name}.json")), context.public_context().to_json()?)?;
        if scheme != Scheme::PaillierSubgroup {
            let xtrace = context.export(Format::XTrace, Arc::new(FixedKeyProvider(vec![1])))?;
            fs::write(corpus.join(format!("context/{name}.xtrace.json")), xtrace.serialize_exec_context()?)?;
        }
    }
    let context = load(&fs::read_to_string(corpus.join("context/subgroup.json"))?)?;
    let key = context.public_key();
    let vectors = BitMatrix::from_rows(DIMENSIONS, [[0, 1, 1, 0, 1, 0, 0, 1], [1; DIMENSIONS], [0; DIMENSIONS]])?;
    let encrypted = context.encrypt_vec_batch(&vectors)?;
    let one = encrypted.get(0).ok_or("nothing was encrypted")?;
    fs::write(corpus.join("ciphertext/wire"), one.to_wire(key)?)?;
    fs::write(corpus.join("ciphertext/integer"), one.to_le_bytes(key)?)?;

    for (name, bytes) in packed()? {
        fs::write(corpus.join("packed").join(name), bytes)?;
    }

    packed_files(&corpus.join("packed_file"))?;

    let numbers = context.encrypt_numbers(&[1.5, -2.0], &NumberFormat::fixed_point(20, 8))?;
    fs::write(corpus.join("numbers/array"), numbers.to_bytes(key)?)?;

    let folder = corpus.join("record_file");
    // The first byte of an input tells the target to correct its checksums.
    let keep = |from: &Path, name: &str| -> Result<(), Box<dyn Error>> {
        fs::write(folder.join(name), [&[0][..], &fs::read(from)?].concat())?;
        Ok(fs::remove_file(from)?)
    };
    let (index, query, response) = (folder.join("index"), folder.join("query"), folder.join("response"));
    let mut writer = IndexWriter::create(&index, Arc::clone(key))?;
    writer.append(&encrypted, None)?;
    writer.append(&encrypted, Some(&Ids::from(vec![10, 20, 30])))?;
    writer.delete(&Ids::from(vec![1, 20]))?;
    drop(writer);
    let names = folder.join("names");
    let mut writer = IndexWriter::create(&names, Arc::clone(key))?;
    writer.append(&encrypted, Some(&Ids::parse(IdKind::Strings, ["a", "bc", "é"])?))?;
    writer.delete(&Ids::parse(IdKind::Strings, ["bc"])?)?;
    drop(writer);
    let evaluator = Evaluator::open(&context.public_context(), Device::Cpu)?;
    let queries = Query::new(encrypted)?;
    queries.save(&query, key)?;
    evaluator.aggregate(&queries, &Index::open(&index)?, &response, &Progress::new())?;
    keep(&index, "index.seed")?;
    keep(&names, "names.seed")?;
    keep(&query, "query.seed")?;
    // Counts with their maximum values.
    let (whole, name) = (fs::read(&response)?, folder.join("changed"));
    for (seed, at, count) in
        [("groups", 60, &u32::MAX.to_le_bytes()[..]), ("rows", 64, &u64::MAX.to_le_bytes()), ("block", 132, &[255; 4])]
    {
        let mut changed = whole.clone();
        changed[at..at + count.len()].copy_from_slice(count);
        fs::write(&name, &changed)?;
        keep(&name, &format!("response_{seed}.seed"))?;
    }
    fs::write(&name, {
        let mut header = whole.get(..128).ok_or("a response has a header")?.to_vec();
        header[60..64].copy_from_slice(&u32::MAX.to_le_bytes());
        header
    })?;
    keep(&name, "response_empty.seed")?;
    // Records of an unknown scheme that hold thousands of vectors: in an index, and in a response to two queries.
    for (seed, kind, vectors) in [("packed_index", 1, 0), ("packed_response", 3, 3000u64)] {
        let mut file = whole.get(..128).ok_or("a response has a header")?.to_vec();
        let groups = if kind == 1 { 1u32 } else { 2 };
        file[12..16].copy_from_slice(&u32::to_le_bytes(kind));
        file[56..60].copy_from_slice(&128u32.to_le_bytes());
        file[60..64].copy_from_slice(&groups.to_le_bytes());
        file[64..72].copy_from_slice(&vectors.to_le_bytes());
        file[88..92].copy_from_slice(&1000u32.to_le_bytes());
        file[92..96].copy_from_slice(&2048u32.to_le_bytes());
        if kind == 1 {
            file[96..112].fill(0);
        }
        for group in 0..groups {
            let start = file.len();
            file.resize(start + 64 + 2 * 128, 0);
            file[start..start + 4].copy_from_slice(b"BLK1");
            file[start + 4..start + 8].copy_from_slice(&3000u32.to_le_bytes());
            file[start + 16..start + 20].copy_from_slice(&group.to_le_bytes());
        }
        fs::write(&name, file)?;
        keep(&name, &format!("{seed}.seed"))?;
    }
    keep(&response, "response.seed")
}

/// Writes the contexts of packed search, and its files without their records, each after a byte of flags.
fn packed_files(folder: &Path) -> Result<(), Box<dyn Error>> {
    let path = folder.join("context.json");
    if !path.exists() {
        let (device, provider) = (OpenDevice::open(Device::Cpu, None)?, Arc::new(FixedKeyProvider(Vec::new())));
        let context = PackedContext::generate(Parameters::hamming(64)?, device, provider)?;
        fs::write(&path, context.serialize()?)?;
    }
    let context = packed_context();
    let public = context.public_context()?;
    let text = public.to_json()?;
    let key = text.lines().find_map(|line| line.trim().strip_prefix("\"evaluation_key\": \"")?.strip_suffix("\","));
    fs::write(folder.join("public.json"), text.replacen(key.ok_or("there is a key")?, EVALUATION_KEY, 1))?;

    let rows = |count: usize| {
        BitMatrix::from_rows(64, (0..count).map(|i| (0..64).map(|j| u8::from(i * j % 5 == 1)).collect::<Vec<_>>()))
    };
    let (index, query, response) = (folder.join("index"), folder.join("query"), folder.join("response"));
    let keep = |from: &Path, name: &str| {
        let short = without_records(&fs::read(from)?);
        [0, 4].into_iter().try_for_each(|flags| {
            fs::write(folder.join(format!("{name}{flags}.seed")), [&[flags][..], &short].concat())
        })
    };
    let mut writer = PackedIndexWriter::create(&index, &context)?;
    writer.append(&Vectors::Bits(&rows(4096)?), None)?;
    writer.append(&Vectors::Bits(&rows(3)?), None)?;
    writer.delete(&Ids::from(vec![7u64, 4097]))?;
    drop(writer);
    keep(&index, "index")?;
    let queries = context.encrypt_queries(&Vectors::Bits(&rows(2)?))?;
    queries.save(&query)?;
    keep(&query, "query")?;
    let evaluator = PackedEvaluator::open(&public, Device::Cpu)?;
    evaluator.aggregate(&queries, &PackedIndex::open(&index)?, &response, &Progress::new())?;
    keep(&response, "response")?;
    // A tail that a block replaces, and one whose rows have other ids.
    fs::remove_file(&index)?;
    let mut writer = PackedIndexWriter::create(&index, &context)?;
    writer.append(&Vectors::Bits(&rows(2)?), None)?;
    writer.append(&Vectors::Bits(&rows(4095)?), None)?;
    writer.append(&Vectors::Bits(&rows(2)?), Some(&Ids::from(vec![9000u64, 8000])))?;
    drop(writer);
    keep(&index, "replaced")?;
    [index, query, response].iter().try_for_each(fs::remove_file)?;
    Ok(())
}

/// Returns a query, and the header of a block, each after the byte that selects it. Blocks and responses are too long.
fn packed() -> Result<[(&'static str, Vec<u8>); 2], Box<dyn Error>> {
    let device = OpenDevice::open(Device::Cpu, None)?;
    let key = SecretKey::generate(Parameters::hamming(64)?)?;
    let vectors = BitMatrix::from_rows(64, [[1; 64]])?;
    let (query, _) = key.encrypt_query(&device, &Vectors::Bits(&vectors), 0)?;
    let blocks = key.encrypt(&device, &Vectors::Bits(&vectors))?;
    let header = blocks.first().ok_or("nothing was encrypted")?.header().to_bytes();
    let after = |choice: u8, bytes: Vec<u8>| [&[choice][..], &bytes].concat();
    Ok([("query", after(0, query.to_bytes())), ("header", after(1, header))])
}

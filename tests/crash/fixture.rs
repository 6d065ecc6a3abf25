//! The fixture of the crash tests: contexts, a pool of encrypted vectors, and a model of the expected index.

use crate::folder::Folder;
use crate::keys::{DIMENSIONS, FixedKeyProvider};
use crate::numbers::SplitMix;
use hushvec::{
    BitMatrix, Ciphertexts, Device, Error, ExecutionContext, HomomorphicClient, Ids, Index, IndexWriter, Progress,
    PublicContext, Scheme,
};
use std::ops::Deref;
use std::path::Path;

/// The number of vectors in the pool. They are encrypted once and stored repeatedly: id i has vector i % POOL.
pub const POOL: u64 = 64;

/// A folder with the contexts `a` and `b`, their public context `public`, and the pool.
pub struct Fixture {
    folder: Folder,
    pub a: ExecutionContext,
    pub b: ExecutionContext,
    pub plain: BitMatrix,
}

impl Deref for Fixture {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.folder
    }
}

impl Fixture {
    pub fn new() -> Self {
        let folder = Folder::new();
        // On the CPU, because opening a GPU takes a child too long.
        let builder = ExecutionContext::builder().scheme(Scheme::PaillierSubgroup).embedding_length(DIMENSIONS);
        let builder = builder.device(Device::Cpu).path(folder.path("a"));
        let a = builder.create(FixedKeyProvider::default()).unwrap();
        // With the same keys, because a context never overwrites other keys.
        let loader = ExecutionContext::loader().context_id("b");
        let b = loader.load_from_disk(&folder.path("a"), &FixedKeyProvider::default()).unwrap();
        b.save_to_disk(&folder.path("b")).unwrap();
        let mut random = SplitMix(1);
        let plain = BitMatrix::from_rows(DIMENSIONS, (0..POOL).map(|_| random.bits(DIMENSIONS))).unwrap();
        a.public_context().save(&folder.path("public")).unwrap();
        let mut pool = IndexWriter::create(&folder.path("pool"), a.public_key()).unwrap();
        pool.append(&a.encrypt_vec_batch(&plain).unwrap(), None).unwrap();
        Self { folder, a, b, plain }
    }

    /// Returns which context a file holds, or an error if it is not complete.
    pub fn which(&self, path: &Path) -> Result<char, Error> {
        let context = ExecutionContext::load_from_disk(path, &FixedKeyProvider::default())?;
        let id = context.id()?;
        assert!([self.a.id()?, self.b.id()?].contains(&id), "another context");
        Ok(if id == self.a.id()? { 'a' } else { 'b' })
    }

    /// Checks that all vectors of an index decrypt correctly.
    pub fn check_distances(&self, path: &Path) {
        let index = Index::open(path).unwrap();
        let query = self.plain.slice(0..1);
        let found = index.nearest(&self.a, &query, usize::MAX, &Progress::new()).unwrap();
        assert_eq!(found[0].len() as u64, index.len());
        for neighbour in &found[0] {
            let row = usize::try_from(neighbour.id.as_ref().number().unwrap() % POOL).unwrap();
            assert_eq!(neighbour.distance, self.plain.hamming(row, &query, 0).unwrap(), "{neighbour:?}");
        }
    }
}

/// The pool, read from the folder.
pub struct Pool {
    public: PublicContext,
    index: Index,
}

impl Pool {
    pub fn open(folder: &Path) -> Self {
        let public = PublicContext::load(&folder.join("public"), false).unwrap();
        Self { public, index: Index::open(&folder.join("pool")).unwrap() }
    }

    fn get(&self, id: u64) -> hushvec::Ciphertext {
        self.index.get(self.public.key(), id % POOL).unwrap().unwrap().1
    }

    fn vectors(&self, ids: &[u64]) -> Ciphertexts {
        let vectors: Vec<_> = ids.iter().map(|id| self.get(*id)).collect();
        Ciphertexts::from_ciphertexts(self.public.key(), &vectors).unwrap()
    }

    /// Returns the ids in an index, after comparing every ciphertext with the pool.
    pub fn read(&self, path: &Path) -> Vec<u64> {
        let index = Index::open(path).unwrap_or_else(|error| panic!("corrupt: {error}"));
        index.verify().unwrap_or_else(|error| panic!("corrupt: {error}"));
        let row = |row| {
            let (id, ciphertext) = index.get(self.public.key(), row).unwrap().unwrap();
            let id = id.as_ref().number().unwrap();
            assert_eq!(ciphertext, self.get(id), "the vector of id {id}");
            id
        };
        (0..index.len()).map(row).collect()
    }

    /// Prepares the operation of [`Model::step`] on a file.
    pub fn prepare<'a>(&'a self, path: &'a Path, step: u64) -> impl FnOnce() -> Result<(), Error> + 'a {
        let plan = Model { ids: self.read(path) }.plan(step);
        let vectors = match &plan {
            Plan::Append(ids) => Some(self.vectors(ids)),
            Plan::Delete(_) | Plan::Compact => None,
        };
        move || self.act(path, plan, vectors)
    }

    fn act(&self, path: &Path, plan: Plan, vectors: Option<Ciphertexts>) -> Result<(), Error> {
        match plan {
            Plan::Compact => drop(Index::compact(path, &Progress::new())?),
            Plan::Append(ids) => {
                let (mut writer, _) = IndexWriter::append_to(path, self.public.key())?;
                writer.append(&vectors.unwrap(), Some(&Ids::from(ids)))?;
                writer.sync()?;
            }
            Plan::Delete(ids) => {
                let (mut writer, _) = IndexWriter::open(path)?;
                writer.delete(&Ids::from(ids))?;
                writer.sync()?;
            }
        }
        Ok(())
    }

    /// Creates an empty index.
    pub fn create(&self, path: &Path) -> Result<(), Error> {
        IndexWriter::create(path, self.public.key()).map(drop)
    }
}

/// The expected ids of an index, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    pub ids: Vec<u64>,
}

pub enum Plan {
    Append(Vec<u64>),
    Delete(Vec<u64>),
    Compact,
}

impl Model {
    /// Returns the operation of a step, which depends only on its number and the current ids.
    pub fn plan(&self, step: u64) -> Plan {
        let at = |i: u64| self.ids[usize::try_from(i % self.ids.len() as u64).unwrap()];
        match step % 8 {
            // The lowest free ids, so that ids of deleted vectors are reused.
            0..=3 => {
                let count = usize::try_from(1 + step % 5 * 7).unwrap();
                Plan::Append((0..).filter(|id| !self.ids.contains(id)).take(count).collect())
            }
            4 => Plan::Compact,
            _ if self.ids.is_empty() => Plan::Append(vec![step % 100]),
            5 if self.ids.len() > 80 => Plan::Delete(self.ids.iter().copied().step_by(2).collect()),
            _ => Plan::Delete(vec![at(step * 31)]),
        }
    }

    pub fn step(&mut self, step: u64) {
        match self.plan(step) {
            Plan::Append(ids) => self.ids.extend(ids),
            Plan::Delete(ids) => self.ids.retain(|id| !ids.contains(id)),
            Plan::Compact => {}
        }
    }
}

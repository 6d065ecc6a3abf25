//! The fixture of the crash tests of packed search: contexts, and a model of the expected index.

use crate::folder::Folder;
use crate::keys::FixedKeyProvider;
use crate::numbers::SplitMix;
use hushvec::packed::{Parameters, Vectors};
use hushvec::{BitMatrix, Device, Error, Id, Ids, OpenDevice, PackedContext, PackedIndex, PackedIndexWriter, Progress};
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

const DIMENSIONS: usize = 64;

/// A folder with the contexts `packed-a` and `packed-b`, which have the same key, and `packed-new` with another.
pub struct Packed {
    folder: Folder,
    pub a: PackedContext,
}

impl Deref for Packed {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.folder
    }
}

fn device() -> OpenDevice {
    // With one thread, on which strace counts system calls.
    OpenDevice::open(Device::Cpu, NonZeroUsize::new(1)).unwrap()
}

impl Packed {
    pub fn new() -> Self {
        let folder = Folder::new();
        let generate = || {
            let provider = Arc::new(FixedKeyProvider::default());
            PackedContext::generate(Parameters::hamming(DIMENSIONS).unwrap(), device(), provider).unwrap()
        };
        generate().save_to_disk(&folder.path("packed-new")).unwrap();
        let a = generate().with_id("a");
        a.save_to_disk(&folder.path("packed-a")).unwrap();
        Owner::load(&folder.path("packed-a")).with_id("b").save_to_disk(&folder.path("packed-b")).unwrap();
        PackedIndexWriter::create(&folder.path("index"), &a).unwrap();
        Self { folder, a }
    }

    /// Copies the contexts and the index to a new folder, like a clone of a machine.
    pub fn copied(&self) -> Folder {
        let copy = Folder::new();
        for name in ["packed-a", "packed-b", "packed-new", "index", "rekeyed"] {
            let _ = std::fs::copy(self.path(name), copy.path(name));
        }
        copy
    }

    /// Returns which context a file holds, or an error if it is not complete.
    pub fn which(&self, path: &Path) -> Result<String, Error> {
        let context = PackedContext::load_from_disk(path, &FixedKeyProvider::default(), Some(device()))?;
        assert_eq!(context, self.a, "another key");
        Ok(context.id())
    }
}

/// The owner's contexts, read from the folder.
pub struct Owner {
    context: PackedContext,
    new: PackedContext,
}

/// The vector of an id.
fn vector(id: u64) -> Vec<u8> {
    SplitMix(id).bits(DIMENSIONS)
}

impl Owner {
    pub fn load(path: &Path) -> PackedContext {
        PackedContext::load_from_disk(path, &FixedKeyProvider::default(), Some(device())).unwrap()
    }

    pub fn open(folder: &Path) -> Self {
        Self { context: Self::load(&folder.join("packed-a")), new: Self::load(&folder.join("packed-new")) }
    }

    /// Returns the ids in the index, after comparing every vector's distances from two queries.
    pub fn read(&self, folder: &Path) -> Vec<u64> {
        read(&self.context, &folder.join("index"))
    }

    /// Returns the ids in the index of the new key. There are none before it exists.
    pub fn read_rekeyed(&self, folder: &Path) -> Vec<u64> {
        let path = folder.join("rekeyed");
        if path.exists() { read(&self.new, &path) } else { Vec::new() }
    }

    /// Prepares the operation of [`Model::plan`].
    pub fn prepare<'a>(&'a self, folder: &'a Path, step: u64) -> impl FnOnce() -> Result<(), Error> + 'a {
        let plan = Model { ids: ids_of(&folder.join("index")) }.plan(step);
        let vectors = match &plan {
            Plan::Append(ids) => BitMatrix::from_rows(DIMENSIONS, ids.iter().map(|id| vector(*id))).unwrap(),
            Plan::Delete(_) | Plan::Compact | Plan::Rekey => BitMatrix::new(DIMENSIONS),
        };
        if matches!(plan, Plan::Delete(_)) {
            // The next change of the key begins anew.
            let _ = std::fs::remove_file(folder.join("rekeyed"));
        }
        move || self.act(folder, plan, &vectors)
    }

    fn act(&self, folder: &Path, plan: Plan, vectors: &BitMatrix) -> Result<(), Error> {
        let (path, to) = (folder.join("index"), folder.join("rekeyed"));
        match plan {
            Plan::Compact => drop(PackedIndex::compact(&path, &self.context, &Progress::new())?),
            Plan::Append(ids) => {
                let (mut writer, _) = PackedIndexWriter::append_to(&path, &self.context)?;
                writer.append(&Vectors::Bits(vectors), Some(&Ids::from(ids)))?;
                writer.sync()?;
            }
            Plan::Delete(ids) => {
                PackedIndex::delete(&path, &Ids::from(ids), false)?;
            }
            Plan::Rekey => {
                let index = PackedIndex::open(&path)?;
                index.rekey(&self.context, &self.new, &to, to.exists(), &Progress::new())?;
            }
        }
        Ok(())
    }
}

fn ids_of(path: &Path) -> Vec<u64> {
    let index = PackedIndex::open(path).unwrap_or_else(|error| panic!("corrupt: {error}"));
    let mut ids = Vec::new();
    let each = index.for_each_id(|id| {
        ids.push(id.number().unwrap());
        Ok(())
    });
    each.unwrap_or_else(|error| panic!("corrupt: {error}"));
    ids
}

fn read(context: &PackedContext, path: &Path) -> Vec<u64> {
    let ids = ids_of(path);
    let index = PackedIndex::open(path).unwrap();
    let queries = BitMatrix::from_rows(DIMENSIONS, [vector(1), vector(2)]).unwrap();
    let found = index.nearest(context, &Vectors::Bits(&queries), usize::MAX, &Progress::new());
    for (found, query) in found.unwrap_or_else(|error| panic!("corrupt: {error}")).iter().zip([1, 2]) {
        assert_eq!((found.len(), index.len()), (ids.len(), ids.len() as u64));
        let query = vector(query);
        for neighbour in found {
            let Id::Number(id) = neighbour.id else { panic!("{neighbour:?}") };
            let distance = query.iter().zip(vector(id)).filter(|(a, b)| **a != *b).count();
            assert_eq!(usize::try_from(neighbour.score), Ok(distance), "the vector of id {id}");
        }
    }
    ids
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
    Rekey,
}

impl Model {
    /// Returns the operation of a step. A step that was done in part, or as a whole, can be repeated: it appends what is
    /// missing.
    pub fn plan(&self, step: u64) -> Plan {
        let taken: HashSet<u64> = self.ids.iter().copied().collect();
        let append = |count: u64| {
            let ids = step * 10_000..step * 10_000 + count;
            Plan::Append(ids.filter(|id| !taken.contains(id)).collect())
        };
        match step % 10 {
            0 => append(700),
            1 => append(2500),
            // Together they fill a block, which replaces the tail; the rest is a new tail.
            2 => append(1500),
            4 => append(4300),
            // In one block of rows: again the lowest free ids, which deleted vectors had.
            8 => Plan::Append((0..).filter(|id| !taken.contains(id)).take(5).collect()),
            6 => Plan::Rekey,
            5 | 9 => Plan::Compact,
            7 if self.ids.len() > 6000 => Plan::Delete(self.ids.iter().copied().step_by(2).collect()),
            _ => Plan::Delete(self.ids.iter().copied().skip(3).step_by(97).collect()),
        }
    }

    pub fn step(&mut self, step: u64) {
        match self.plan(step) {
            Plan::Append(ids) => self.ids.extend(ids),
            Plan::Delete(ids) => {
                let gone: HashSet<u64> = ids.into_iter().collect();
                self.ids.retain(|id| !gone.contains(id));
            }
            Plan::Compact | Plan::Rekey => {}
        }
    }

    /// Returns whether ids are a state of a step that was begun here: for an append, with some of its vectors.
    pub fn may_become(&self, step: u64, ids: &[u64]) -> bool {
        let mut new = self.clone();
        new.step(step);
        let is_between = matches!(self.plan(step), Plan::Append(_)) && new.ids.starts_with(ids);
        new.ids == ids || self.ids == ids || (is_between && ids.starts_with(&self.ids))
    }
}

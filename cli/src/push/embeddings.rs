//! Embeddings for the vectors of an index, from a file of real vectors.

use crate::failure::Failure;
use crate::input::{Format, IdSource, Input};
use crate::output;
use hushvec::{BitMatrix, Embedding, Error, ExecutionContext, Id, IdRef, Ids, Index, Precision, Projection};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::slice;

/// Rows that are read at once.
const BLOCK: usize = 1024;
/// Vectors whose bits are compared.
const COMPARED: usize = 64;
/// Fewer bits than this that agree look like a wrong order of rows: those of other vectors agree by half.
const SUSPICIOUS: f64 = 0.75;

/// A file whose rows belong to the vectors of an index. It is read once to be checked, and once more when vectors are sent, so
/// that only rows in another order than the index's are kept in memory.
pub struct Embeddings {
    path: PathBuf,
    rows: Rows,
    /// Whether vectors are the embeddings projected, instead of their signs.
    project: bool,
    /// Rows that were read before they were needed.
    early: HashMap<Id, Row>,
}

/// A real vector.
#[derive(Clone)]
pub struct Row(Vec<f32>);

impl Row {
    /// As it is sealed.
    pub fn rounded(&self, precision: Precision) -> Result<Embedding, Failure> {
        Ok(Embedding::new(&self.0, precision)?)
    }

    /// The vector that it is ranked beside, of so many dimensions.
    fn vector(&self, dimensions: usize, project: bool) -> Result<Vec<u8>, Error> {
        let mut vector = BitMatrix::new(dimensions);
        if project {
            Projection::new(self.0.len(), dimensions)?.push(&self.0, &mut vector)?;
        } else {
            vector.push_floats(&self.0)?;
        }
        Ok(vector.row(0).unwrap_or_default())
    }
}

/// Rows one after the other, each with the id of its vector.
struct Rows {
    input: Input,
    /// Ids of the vectors in their order, if rows belong to them so.
    order: Option<Vec<Id>>,
    next: u64,
    block: std::vec::IntoIter<(Id, Row)>,
}

impl Rows {
    fn open(path: &Path, dimensions: usize, project: bool, order: Option<Vec<Id>>) -> Result<Self, Failure> {
        let path = path.to_owned();
        let format = Format { project, ..Format::default() };
        let input = Input::open(slice::from_ref(&path), dimensions, &format, IdSource::IfAny)?;
        Ok(Self { input: input.keeping_reals(), order, next: 0, block: Vec::new().into_iter() })
    }

    fn next(&mut self) -> Result<Option<(Id, Row)>, Failure> {
        if let Some(row) = self.block.next() {
            return Ok(Some(row));
        }
        let block = self.input.read_block(BLOCK)?;
        let reals = self.input.take_reals();
        let first = self.next;
        self.next += reals.len() as u64;
        let id = |row: usize| {
            let number = first + row as u64;
            match (&block.ids, &self.order) {
                (Some(ids), _) => ids.get(row).map(IdRef::to_owned),
                (None, Some(order)) => order.get(usize::try_from(number).unwrap_or(usize::MAX)).cloned(),
                (None, None) => Some(Id::Number(number)),
            }
        };
        let rows = reals.into_iter().enumerate().filter_map(|(row, real)| Some((id(row)?, Row(real))));
        self.block = rows.collect::<Vec<_>>().into_iter();
        Ok(self.block.next())
    }
}

impl Embeddings {
    /// Opens a file and reads it once, so that nothing is wrong with it later: each vector of the index must have a row.
    pub fn open(path: &Path, dimensions: usize, project: bool, index: &Index) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Err(Failure::Usage("--rerank-with is read twice, so it cannot be standard input (-)".to_owned()));
        }
        let mut missing = HashSet::new();
        let mut in_order = Vec::new();
        index.for_each_id(|id| {
            missing.insert(id.to_owned());
            in_order.push(id.to_owned());
            Ok(())
        })?;
        // Rows without ids are numbered, as those of the index are unless it was given others.
        let is_numbered = in_order.iter().all(|id| id.as_ref().number().is_some());
        let order = (!is_numbered).then_some(in_order);
        let mut rows = Rows::open(path, dimensions, project, order.clone())?;
        let mut seen = 0u64;
        while let Some((id, row)) = rows.next()? {
            row.rounded(Precision::Int8).map_err(|failure| at_row(failure, seen, path))?;
            missing.remove(&id);
            seen += 1;
        }
        if let Some(id) = missing.iter().min() {
            let (path, all) = (path.display(), output::count(index.len(), "vector"));
            let others = if missing.len() == 1 { String::new() } else { format!(" and {} others", missing.len() - 1) };
            let read = output::count(rows.next, "row");
            return Err(Failure::Other(format!(
                "{path}: has {read}, and none for the id {id}{others} of the index, which has {all}; use a file with an id \
                 column, or with a row for each id"
            )));
        }
        let rows = Rows::open(path, dimensions, project, order)?;
        Ok(Self { path: path.to_owned(), rows, project, early: HashMap::new() })
    }

    /// The row of an id.
    pub fn get(&mut self, id: IdRef<'_>) -> Result<Row, Failure> {
        let id = id.to_owned();
        if let Some(row) = self.early.remove(&id) {
            return Ok(row);
        }
        while let Some((found, row)) = self.rows.next()? {
            if found == id {
                return Ok(row);
            }
            self.early.insert(found, row);
        }
        Err(Failure::Other(format!("{}: it was changed meanwhile: there is no row for {id}", self.path.display())))
    }

    /// Says so if the bits of the first rows are not what is encrypted: then the rows may belong to other vectors.
    pub fn compare(&mut self, ids: &Ids, integers: &[u8], owner: &ExecutionContext) -> Result<(), Failure> {
        let size = owner.public_key().parameters().ciphertext_bytes();
        let count = COMPARED.min(ids.len());
        let some = owner.import(integers.get(..count * size).unwrap_or_default())?;
        let vectors = owner.decrypt_vec_batch(&some)?;
        let (mut same, mut all) = (0u32, 0u32);
        for (id, vector) in ids.iter().take(count).zip((0..).map_while(|row| vectors.row(row))) {
            let row = self.get(id)?;
            for (stored, own) in vector.iter().zip(row.vector(vector.len(), self.project)?) {
                same += u32::from(*stored == own);
                all += 1;
            }
            self.early.insert(id.to_owned(), row);
        }
        let agreement = f64::from(same) / f64::from(all.max(1));
        if agreement < SUSPICIOUS {
            tracing::warn!(
                "{}: only {:.0} % of its {} are those of the encrypted vectors; if its rows are in another order, \
                 searches will rank wrongly. If the vectors were encrypted {} --project, push them so",
                self.path.display(),
                100.0 * agreement,
                if self.project { "projected bits" } else { "signs" },
                if self.project { "without" } else { "with" },
            );
        }
        Ok(())
    }
}

fn at_row(failure: Failure, row: u64, path: &Path) -> Failure {
    match failure {
        Failure::Engine(Error::NotANumber { column, .. }) => {
            Failure::Engine(Error::NotANumber { row, column }.in_file(path))
        }
        other => other,
    }
}

//! Embeddings of the vectors of an index, from a file of real vectors.

use crate::failure::Failure;
use crate::input::{Format, IdSource, Input};
use crate::output;
use hushvec::{BitMatrix, Embedding, Error, ExecutionContext, Id, IdRef, Ids, Index, Precision, Projection};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::slice;

/// The number of rows read at a time.
const BLOCK: usize = 1024;
/// The number of vectors whose bits are compared with their embeddings.
const COMPARED: usize = 64;
/// If a smaller share of bits agrees, the rows are probably in the wrong order. Bits of unrelated vectors agree by
/// half.
const SUSPICIOUS: f64 = 0.75;

/// A file with an embedding for each vector of an index. It is read once to find errors, and again when vectors are
/// sent. Only rows that are in a different order than in the index are kept in memory.
pub struct Embeddings {
    path: PathBuf,
    rows: Rows,
    /// Whether the vectors are projections of the embeddings, rather than their signs.
    project: bool,
    /// Rows read before they were needed.
    early: HashMap<Id, Row>,
}

/// A real vector.
#[derive(Clone)]
pub struct Row(Vec<f32>);

impl Row {
    /// Rounds the vector to the precision in which it is sealed.
    pub fn rounded(&self, precision: Precision) -> Result<Embedding, Failure> {
        Ok(Embedding::new(&self.0, precision)?)
    }

    /// Returns the bits of the vector in the index, of `dimensions` dimensions.
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

/// An iterator over rows, each with the id of its vector.
struct Rows {
    input: Input,
    /// The ids in the order of the index, if rows are matched by position.
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
        let reals = block.reals;
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
    /// Opens a file and reads it once to find errors: each vector of the index must have a row.
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
        // Rows without ids are matched by row number if the index has integers as ids, and by position otherwise.
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
                "{path}: has {read}, but none for the id {id}{others} of the index, which has {all}; use a file with \
                 an id column, or with a row for each id"
            )));
        }
        let rows = Rows::open(path, dimensions, project, order)?;
        Ok(Self { path: path.to_owned(), rows, project, early: HashMap::new() })
    }

    /// Returns the row of an id.
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
        let path = self.path.display();
        Err(Failure::Other(format!("{path}: the file was changed during the push: there is no row for the id {id}")))
    }

    /// Warns if the first rows do not match the encrypted vectors, since the rows may belong to other vectors.
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
                "{}: only {:.0} % of its {} match the encrypted vectors; if its rows are in a different order, \
                 searches will rank wrongly; if the vectors were encrypted {} --project, push them the same way",
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

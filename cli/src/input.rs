//! Vectors from files: NumPy, Parquet, Arrow, big-ann-benchmarks, JSON lines and CSV, optionally compressed. Several
//! files are read as one sequence.
//!
//! Files are read in order, a block of vectors at a time, so memory does not grow with their size.

#[cfg(feature = "tables")]
mod arrow;
mod bin;
#[cfg(feature = "tables")]
mod columns;
mod compressed;
mod csv;
mod files;
mod json_lines;
mod layout;
mod npy;
mod projector;
mod raw;
mod reader;
mod row;
mod source;
#[cfg(feature = "tables")]
mod table;
#[cfg(not(feature = "tables"))]
#[path = "input/no_table.rs"]
mod table;
mod table_kind;
mod tiles;

#[cfg(feature = "tables")]
pub(crate) use columns::id;

pub use layout::IdSource;

use crate::failure::Failure;
use clap::Args;
use hushvec::{BitMatrix, Id, IdRef, Ids};
use layout::Layout;
use projector::Projector;
use reader::{Reader, is_stream};
use source::Source;
use std::path::{Path, PathBuf};

/// The flags for the format of vectors.
#[derive(Args, Clone, Debug, Default)]
pub struct Format {
    /// Vectors are bits packed into bytes, as by `numpy.packbits`, instead of one number per dimension
    #[arg(long)]
    pub packed: bool,
    /// Column of a table, or field of a JSON record, that holds the vectors [default: the only column that can hold
    /// vectors; `vector` or `bits` in JSON]
    #[arg(long, value_name = "NAME")]
    pub column: Option<String>,
    /// Project each vector onto random hyperplanes, one bit for each dimension of the context. Distances rank
    /// better if vectors get more bits than they have dimensions. Takes floating-point or int8 vectors of any number
    /// of dimensions. Use it for all vectors and queries of an index, or for none
    #[arg(long)]
    pub project: bool,
}

/// Some vectors, and their ids if the input has ids.
#[derive(Debug)]
pub struct Block {
    /// The requested number of vectors, or fewer at the end.
    pub vectors: BitMatrix,
    /// The same vectors as real numbers, if they are kept: see [`Input::keeping_reals`].
    pub reals: Vec<Vec<f32>>,
    /// One for each vector.
    pub ids: Option<Ids>,
}

/// Vectors in files, one file after the other.
pub struct Input {
    files: Vec<File>,
    layout: Layout,
    dimensions: usize,
    /// The next file to open.
    next: usize,
    source: Option<Source>,
    /// The number of vectors read or skipped.
    row: u64,
    /// Whether vectors have ids; `None` until the first vector is read.
    has_ids: Option<bool>,
    /// Ids given separately from the vectors.
    given: Option<Ids>,
    /// The error of the next row, to be returned by the next read.
    failure: Option<Failure>,
    /// The real vectors read so far, if they are kept.
    reals: Option<Vec<Vec<f32>>>,
    /// Projects vectors to bits. Without it, bits are signs.
    projector: Option<Projector>,
}

struct File {
    path: PathBuf,
    /// Unknown for standard input, pipes and compressed files.
    rows: Option<u64>,
}

impl Input {
    /// Opens files of vectors of `dimensions` dimensions. A path may be a pattern, or `-` for standard input. Checks
    /// the first vector of each file, and counts its vectors.
    ///
    /// # Errors
    /// A [`Failure`] that names the file if it does not exist, or has an unknown format or the wrong shape.
    pub fn open(paths: &[PathBuf], dimensions: usize, format: &Format, ids: IdSource) -> Result<Self, Failure> {
        if format.project && format.packed {
            let why = "--project takes floating-point vectors, and --packed vectors are bits already";
            return Err(Failure::Usage(format!("{why}; leave one of them out")));
        }
        let column = format.column.clone();
        Self::open_with(
            paths,
            dimensions,
            Layout { packed: format.packed, project: format.project, reals: false, column, ids },
        )
    }

    /// Opens files of real vectors, as [`Input::open`] does, and keeps them: see [`Block::reals`]. Files of bits are an
    /// error.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub fn open_reals(
        paths: &[PathBuf],
        dimensions: usize,
        column: Option<String>,
        ids: IdSource,
    ) -> Result<Self, Failure> {
        let layout = Layout { packed: false, project: false, reals: true, column, ids };
        Ok(Self::open_with(paths, dimensions, layout)?.keeping_reals())
    }

    fn open_with(paths: &[PathBuf], dimensions: usize, layout: Layout) -> Result<Self, Failure> {
        let mut projector = layout.project.then(|| Projector::new(dimensions));
        let mut files = Vec::new();
        for path in files::expand(paths)? {
            let rows =
                if is_stream(&path)? { None } else { Some(inspect(&path, &layout, dimensions, projector.as_mut())?) };
            files.push(File { path, rows });
        }
        Ok(Self { projector, ..Self::new(files, None, layout, dimensions) })
    }

    /// Reads an array of packed bits that is embedded in the program. Messages call it `name`.
    ///
    /// # Errors
    /// [`Failure`] if the bytes are not such an array.
    pub fn embedded(bytes: &'static [u8], name: &str, dimensions: usize) -> Result<Self, Failure> {
        let layout = Layout { packed: true, project: false, reals: false, column: None, ids: IdSource::RowNumbers };
        let source = Source::open(Reader::stream(bytes, Path::new(name))?, &layout, dimensions)?;
        Ok(Self::new(Vec::new(), Some(source), layout, dimensions))
    }

    fn new(files: Vec<File>, source: Option<Source>, layout: Layout, dimensions: usize) -> Self {
        let (row, has_ids, given, failure, reals, projector) = (0, None, None, None, None, None);
        Self { files, layout, dimensions, next: 0, source, row, has_ids, given, failure, reals, projector }
    }

    /// Sets the ids of the vectors, one for each.
    #[must_use]
    pub fn with_ids(mut self, ids: Option<Ids>) -> Self {
        self.given = ids;
        self
    }

    /// Keeps the real vectors besides their bits, for [`Block::reals`]. Files of bits become an error.
    #[must_use]
    pub fn keeping_reals(mut self) -> Self {
        self.reals = Some(Vec::new());
        self
    }

    /// Returns the number of vectors, if it is known before they are read.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Skips up to `rows` vectors. Returns the number skipped.
    ///
    /// # Errors
    /// [`Failure`] if they cannot be read.
    pub fn skip(&mut self, rows: u64) -> Result<u64, Failure> {
        let mut left = rows;
        while left > 0 {
            // Whole files need not be opened.
            if let (None, Some(File { rows: Some(rows), .. })) = (&self.source, self.files.get(self.next))
                && *rows <= left
            {
                (left, self.next) = (left - rows, self.next + 1);
                continue;
            }
            let Some(source) = self.source()? else { break };
            let skipped = source.skip(left)?;
            left -= skipped;
            if skipped == 0 {
                self.source = None;
            }
        }
        self.row += rows - left;
        Ok(rows - left)
    }

    /// Reads up to `most` more vectors; an empty block at the end. A bad row ends the block before it, and the next
    /// call returns its error, so no row before it is lost.
    ///
    /// # Errors
    /// A [`Failure`] that names file and row.
    pub fn read_block(&mut self, most: usize) -> Result<Block, Failure> {
        let mut block = Block { vectors: BitMatrix::new(self.dimensions), reals: Vec::new(), ids: None };
        let mut ids = Ids::new();
        while self.failure.is_none() && block.vectors.len() < most {
            match self.push_next(&mut block.vectors, &mut ids) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => self.failure = Some(failure),
            }
        }
        if block.vectors.is_empty()
            && let Some(failure) = self.failure.take()
        {
            return Err(failure);
        }
        let rows = block.vectors.len();
        block.reals = self.reals.as_mut().map(std::mem::take).unwrap_or_default();
        block.ids = match &self.given {
            Some(given) => {
                let first = usize::try_from(self.row).unwrap_or(usize::MAX);
                Some(given.slice(first..first.saturating_add(rows)))
            }
            None => (self.has_ids == Some(true)).then_some(ids),
        };
        self.row += rows as u64;
        Ok(block)
    }

    /// Reads all remaining vectors.
    ///
    /// # Errors
    /// Those of [`Input::read_block`].
    pub fn read_all(&mut self) -> Result<BitMatrix, Failure> {
        Ok(self.read_rest()?.vectors)
    }

    /// Reads all remaining vectors, with their real numbers if these are kept.
    ///
    /// # Errors
    /// Those of [`Input::read_block`].
    pub fn read_rest(&mut self) -> Result<Block, Failure> {
        let all = self.read_block(usize::MAX)?;
        self.failure.take().map_or(Ok(all), Err)
    }

    /// Appends the next vector, and its id if it has one. Returns false at the end.
    fn push_next(&mut self, vectors: &mut BitMatrix, ids: &mut Ids) -> Result<bool, Failure> {
        let rows = vectors.len();
        let id = loop {
            let (mut reals, mut projector) = (self.reals.take(), self.projector.take());
            let pushed = self.source().and_then(|source| {
                source.map(|source| source.push_next(vectors, reals.as_mut(), projector.as_mut())).transpose()
            });
            (self.reals, self.projector) = (reals, projector);
            match pushed? {
                Some(Some(id)) => break id,
                Some(None) => {}
                None => return Ok(false),
            }
            self.source = None;
        };
        let taken = self.push_id(id.as_ref(), ids);
        if taken.is_err() {
            *vectors = vectors.slice(0..rows);
            self.reals.as_mut().and_then(Vec::pop);
        }
        taken.map(|()| true)
    }

    fn push_id(&mut self, id: Option<&Id>, ids: &mut Ids) -> Result<(), Failure> {
        let has_ids = *self.has_ids.get_or_insert(id.is_some());
        let refused = |reason: String| match &self.source {
            Some(source) => reader::wrong(source.name(), format!("{} {reason}", source.last())),
            None => Failure::Other(reason),
        };
        match id {
            Some(_) if !has_ids => Err(refused("has an id, but the vectors before it have none".to_owned())),
            None if has_ids => Err(refused("has no id, but the vectors before it have ids".to_owned())),
            Some(id) => ids.push(IdRef::from(id)).map_err(|error| match error {
                hushvec::Error::BadId { reason, .. } => refused(format!("has an invalid id: {reason}")),
                other => Failure::Engine(other),
            }),
            None => Ok(()),
        }
    }

    /// Returns the current file, and opens the next one if there is none. `None` at the end.
    fn source(&mut self) -> Result<Option<&mut Source>, Failure> {
        if self.source.is_none() {
            let Some(file) = self.files.get(self.next) else { return Ok(None) };
            self.source = Some(Source::open(Reader::open(&file.path)?, &self.layout, self.dimensions)?);
            self.next += 1;
        }
        Ok(self.source.as_mut())
    }
}

/// Checks the first vector of a file. Returns the number of its vectors.
fn inspect(path: &Path, layout: &Layout, dimensions: usize, projector: Option<&mut Projector>) -> Result<u64, Failure> {
    let mut source = Source::open(Reader::open(path)?, layout, dimensions)?;
    let mut reals = layout.reals.then(Vec::new);
    source.push_next(&mut BitMatrix::new(dimensions), reals.as_mut(), projector)?;
    Source::open(Reader::open(path)?, layout, dimensions)?.count(path)
}

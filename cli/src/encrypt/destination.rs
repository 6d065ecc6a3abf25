//! The index that encrypted vectors are written to, and the vectors it already has.

use super::encryptor::{Encryptor, Paillier};
use super::options::Args;
use super::writer::Writer;
use crate::failure::Failure;
use crate::index_file::IndexFile;
use crate::input::{Block, Input};
use crate::output;
use crate::packed::vectors::Owned;
use crate::partial;
use crate::target;
use hushvec::{BitMatrix, Error, ExecutionContext, HomomorphicClient, Id, IdKind, IdRef, Index, PackedIndex};
use std::ops::Range;
use std::path::PathBuf;

/// The file that is written: the index itself, or the `.partial` file of a shard.
pub struct Destination {
    path: PathBuf,
    exists: bool,
}

impl Destination {
    /// Finds the file, and checks that it may be created or continued.
    pub fn find(args: &Args) -> Result<Self, Failure> {
        let exists = args.output.exists();
        if !exists || !(args.resume || args.append) {
            target::check_new(&args.output, "give --resume to continue it, --append to add to it, or ")?;
        }
        if exists {
            return Ok(Self { path: args.output.clone(), exists: true });
        }
        let path = if args.shard.is_some() { partial::of(&args.output) } else { args.output.clone() };
        let exists = path.exists();
        if exists && !args.resume {
            let path = path.display();
            return Err(Failure::Usage(format!(
                "{path} is left over from an unfinished run; give --resume to continue it, or remove it"
            )));
        }
        Ok(Self { path, exists })
    }

    /// Returns the kind of the ids in an existing index.
    pub fn id_kind(&self) -> Result<Option<IdKind>, Failure> {
        if self.exists { Ok(IndexFile::open(&self.path)?.id_kind()?) } else { Ok(None) }
    }

    /// Creates the index, or opens it and removes an unfinished block.
    pub fn open(&self, args: &Args, encryptor: &Encryptor) -> Result<Writer, Failure> {
        if !self.exists {
            return Ok(Writer::create(&self.path, encryptor, args.shard)?);
        }
        let (writer, recovery) = Writer::append_to(&self.path, encryptor)?;
        if let Some(recovery) = recovery {
            output::warn_recovery(&self.path, recovery);
        }
        if writer.shard() != args.shard && !args.append {
            let name = |shard: Option<_>| shard.map_or("a whole index".to_owned(), |shard| format!("shard {shard}"));
            let (found, expected) = (name(writer.shard()), name(args.shard));
            let path = self.path.display();
            return Err(Failure::Usage(format!("{path} is {found}, not {expected}; give the same --shard as before")));
        }
        Ok(writer)
    }

    /// Returns the number of vectors that the index already has, deleted ones included.
    pub fn finished(&self) -> Result<u64, Failure> {
        if !self.exists {
            return Ok(0);
        }
        Ok(IndexFile::open(&self.path)?.appended())
    }

    /// Skips the rows that the index already has, and checks that they are the same. Returns their number.
    pub fn skip_finished(
        &self,
        args: &Args,
        encryptor: &Encryptor,
        input: &mut Input,
        rows: &Range<u64>,
        finished: u64,
    ) -> Result<u64, Failure> {
        let wanted = rows.end - rows.start;
        if finished > wanted || (finished < wanted && args.shard.is_some() && self.path == args.output) {
            let has = output::count(finished, "vector");
            return Err(self.other_file(&format!("it has {has}, the input has {wanted}")));
        }
        let Some(last) = (rows.start..rows.start + finished).next_back() else {
            input.skip(rows.start)?;
            return Ok(0);
        };
        let skipped = input.skip(last)?;
        let block = input.read_block(1)?;
        if block.vectors.is_empty() {
            let has = output::count(finished, "vector");
            return Err(self.other_file(&format!("it has {has}, the input has {skipped}")));
        }
        let expected = block.ids.as_ref().and_then(|ids| ids.get(0)).map_or(Id::Number(last), IdRef::to_owned);
        let Some((id, same)) = self.last(encryptor, block)? else { return Ok(0) };
        if id != expected {
            return Err(self.other_file(&format!(
                "its last vector has the id {id:?}, but row {last} of the input has the id {expected:?}"
            )));
        }
        if same {
            return Ok(finished);
        }
        Err(self.other_file(&format!("row {last} of the input differs from its vector with that id")))
    }

    /// Returns the id of the last vector of the index, and whether the first vector of `block` equals it. A public
    /// context cannot compare vectors, and assumes so.
    fn last(&self, encryptor: &Encryptor, block: Block) -> Result<Option<(Id, bool)>, Failure> {
        match encryptor {
            Encryptor::Paillier(paillier) => {
                let Some((id, stored)) = Index::open(&self.path)?.last_appended(paillier.key())? else {
                    return Ok(None);
                };
                let same = match paillier {
                    Paillier::Owner(context) => distance(context, &stored, &block.vectors)? == 0,
                    Paillier::Public(_) => true,
                };
                Ok(Some((id, same)))
            }
            Encryptor::Packed(context) => {
                let Some((id, stored)) = PackedIndex::open(&self.path)?.last_appended(context)? else {
                    return Ok(None);
                };
                let (parameters, block) = (context.parameters(), Owned::new(block));
                Ok(Some((id, stored.is_same(parameters, &block.vectors(parameters), 0)?)))
            }
        }
    }

    fn other_file(&self, why: &str) -> Failure {
        let path = self.path.display();
        Failure::Usage(format!(
            "{path} is not the index of this input, or was compacted: {why}; give --append to add to it"
        ))
    }

    /// Syncs the index to disk. If it is `whole`, gives it its final name.
    pub fn finish(self, args: &Args, mut writer: Writer, whole: bool) -> Result<(), Failure> {
        if whole && self.path != args.output {
            return Ok(writer.rename(&args.output)?);
        }
        writer.sync()?;
        if !whole && writer.len() == 0 && !self.exists {
            drop(writer);
            return std::fs::remove_file(&self.path).map_err(Failure::io("remove", &self.path));
        }
        Ok(())
    }

    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}

/// Returns the Hamming distance between a stored vector and a vector of the input.
fn distance(context: &ExecutionContext, stored: &hushvec::Ciphertext, vector: &BitMatrix) -> Result<u32, Error> {
    let own = context.encrypt_vec_batch(vector)?.get(0).ok_or(Error::Missing("no vector was read"))?;
    context.decode_hamming_client_one(&context.add(stored, &own)?)
}

//! Content, metadata and embeddings of chunks, sealed.

use super::chunk_file::ChunkFile;
use super::embeddings::Embeddings;
use crate::failure::Failure;
use hushvec::{ExecutionContext, IdRef, Ids, Precision};
use hushvec_client::SealedContent;

/// The sources of content, metadata and embeddings.
pub struct Contents<'a> {
    pub chunks: Option<ChunkFile>,
    pub embeddings: Option<Embeddings>,
    pub precision: Precision,
    /// The context that seals the content, if there is any.
    pub owner: Option<&'a ExecutionContext>,
}

impl Contents<'_> {
    /// Returns the sealed content of an id.
    pub fn get(&mut self, id: IdRef<'_>) -> Result<SealedContent, Failure> {
        let mut content = SealedContent::default();
        let Some(owner) = self.owner else { return Ok(content) };
        if let Some(chunks) = &mut self.chunks {
            let record = chunks.get(id)?;
            content = content.with_text(id, &record.content, record.meta_data, owner)?;
        }
        if let Some(embeddings) = &mut self.embeddings {
            content = content.with_embedding(id, &embeddings.get(id)?.rounded(self.precision)?, owner)?;
        }
        Ok(content)
    }

    /// Warns if the first vectors do not match their embeddings.
    pub fn compare(&mut self, ids: &Ids, integers: &[u8]) -> Result<(), Failure> {
        match (&mut self.embeddings, self.owner) {
            (Some(embeddings), Some(owner)) => embeddings.compare(ids, integers, owner),
            _ => Ok(()),
        }
    }
}

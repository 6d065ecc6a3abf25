//! What vectors have beside themselves, sealed for their chunks.

use super::chunk_file::ChunkFile;
use super::embeddings::Embeddings;
use crate::failure::Failure;
use hushvec::{ExecutionContext, IdRef, Ids, Precision};
use hushvec_client::SealedContent;

/// What vectors have beside themselves.
pub struct Contents<'a> {
    pub chunks: Option<ChunkFile>,
    pub embeddings: Option<Embeddings>,
    pub precision: Precision,
    /// Who seals it, if there is any.
    pub owner: Option<&'a ExecutionContext>,
}

impl Contents<'_> {
    /// That of an id, sealed.
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

    /// Says so if the first vectors are not those of their embeddings.
    pub fn compare(&mut self, ids: &Ids, integers: &[u8]) -> Result<(), Failure> {
        match (&mut self.embeddings, self.owner) {
            (Some(embeddings), Some(owner)) => embeddings.compare(ids, integers, owner),
            _ => Ok(()),
        }
    }
}

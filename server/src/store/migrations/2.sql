-- Chunks are found by name, and have sealed embeddings.
CREATE INDEX chunks_by_name ON chunks (binding, name) WHERE name IS NOT NULL;
-- The embedding that owners rank by, sealed.
ALTER TABLE contents ADD COLUMN embedding TEXT;
-- Version 1 had some that did not count embeddings. Version 3 creates them all.
DROP TRIGGER IF EXISTS usage_of_deleted_chunks;
DROP TRIGGER IF EXISTS usage_of_new_contents;
DROP TRIGGER IF EXISTS usage_of_changed_contents;
DROP TRIGGER IF EXISTS usage_of_deleted_contents;

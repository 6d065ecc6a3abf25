-- What version 2 added. quota.sql makes the triggers again.
CREATE INDEX chunks_by_name ON chunks (binding, name) WHERE name IS NOT NULL;
ALTER TABLE contents ADD COLUMN embedding TEXT;
DROP TRIGGER IF EXISTS usage_of_deleted_chunks;
DROP TRIGGER IF EXISTS usage_of_new_contents;
DROP TRIGGER IF EXISTS usage_of_changed_contents;
DROP TRIGGER IF EXISTS usage_of_deleted_contents;

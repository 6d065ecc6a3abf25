-- Usage is counted here. Servers of versions 1 and 2 created this table and these triggers each time they started, so they may be there.
DROP TRIGGER IF EXISTS usage_of_organisations;
DROP TRIGGER IF EXISTS usage_of_new_chunks;
DROP TRIGGER IF EXISTS usage_of_changed_chunks;
DROP TRIGGER IF EXISTS usage_of_deleted_chunks;
DROP TRIGGER IF EXISTS usage_of_new_contents;
DROP TRIGGER IF EXISTS usage_of_changed_contents;
DROP TRIGGER IF EXISTS usage_of_deleted_contents;
DROP TRIGGER IF EXISTS usage_of_new_contexts;
DROP TRIGGER IF EXISTS usage_of_changed_contexts;
DROP TRIGGER IF EXISTS usage_of_deleted_contexts;

-- What each organisation has. Triggers keep it up to date, so that every change is counted, whatever makes it.
CREATE TABLE IF NOT EXISTS usage (
  organisation INTEGER PRIMARY KEY REFERENCES organisations (key),
  chunks INTEGER NOT NULL,
  -- Bytes of contents, embeddings, names, metadata and contexts.
  bytes INTEGER NOT NULL
);

-- Organisations that are not counted yet.
INSERT INTO usage (organisation, chunks, bytes)
SELECT o.key,
  (SELECT count(*) FROM chunks c JOIN knowledge_bases k ON k.key = c.knowledge_base WHERE k.organisation = o.key),
  (SELECT coalesce(sum(octet_length(concat(d.content, d.embedding))), 0) FROM contents d JOIN chunks c ON c.key = d.chunk
     JOIN knowledge_bases k ON k.key = c.knowledge_base WHERE k.organisation = o.key)
  + (SELECT coalesce(sum(octet_length(concat(c.name, c.tag1, c.tag2, c.tag3, c.tag4, c.tag5, c.facets))), 0) FROM chunks c
     JOIN knowledge_bases k ON k.key = c.knowledge_base WHERE k.organisation = o.key)
  + (SELECT coalesce(sum(octet_length(document)), 0) FROM contexts WHERE organisation = o.key)
FROM organisations o WHERE o.key NOT IN (SELECT organisation FROM usage);

CREATE TRIGGER usage_of_organisations AFTER INSERT ON organisations BEGIN
  INSERT INTO usage VALUES (NEW.key, 0, 0);
END;

CREATE TRIGGER usage_of_new_chunks AFTER INSERT ON chunks BEGIN
  UPDATE usage SET chunks = chunks + 1, bytes = bytes
    + octet_length(concat(NEW.name, NEW.tag1, NEW.tag2, NEW.tag3, NEW.tag4, NEW.tag5, NEW.facets))
  WHERE organisation = (SELECT organisation FROM knowledge_bases WHERE key = NEW.knowledge_base);
END;

CREATE TRIGGER usage_of_changed_chunks
AFTER UPDATE OF name, tag1, tag2, tag3, tag4, tag5, facets ON chunks BEGIN
  UPDATE usage SET bytes = bytes
    + octet_length(concat(NEW.name, NEW.tag1, NEW.tag2, NEW.tag3, NEW.tag4, NEW.tag5, NEW.facets))
    - octet_length(concat(OLD.name, OLD.tag1, OLD.tag2, OLD.tag3, OLD.tag4, OLD.tag5, OLD.facets))
  WHERE organisation = (SELECT organisation FROM knowledge_bases WHERE key = NEW.knowledge_base);
END;

-- Contents that go with their chunk are counted here, because the chunk is gone when they go.
CREATE TRIGGER usage_of_deleted_chunks BEFORE DELETE ON chunks BEGIN
  UPDATE usage SET chunks = chunks - 1, bytes = bytes
    - octet_length(concat(OLD.name, OLD.tag1, OLD.tag2, OLD.tag3, OLD.tag4, OLD.tag5, OLD.facets))
    - coalesce((SELECT octet_length(concat(content, embedding)) FROM contents WHERE chunk = OLD.key), 0)
  WHERE organisation = (SELECT organisation FROM knowledge_bases WHERE key = OLD.knowledge_base);
END;

CREATE TRIGGER usage_of_new_contents AFTER INSERT ON contents BEGIN
  UPDATE usage SET bytes = bytes + octet_length(concat(NEW.content, NEW.embedding))
  WHERE organisation =
    (SELECT k.organisation FROM chunks c JOIN knowledge_bases k ON k.key = c.knowledge_base WHERE c.key = NEW.chunk);
END;

CREATE TRIGGER usage_of_changed_contents AFTER UPDATE OF content, embedding ON contents BEGIN
  UPDATE usage SET bytes = bytes + octet_length(concat(NEW.content, NEW.embedding)) - octet_length(concat(OLD.content, OLD.embedding))
  WHERE organisation =
    (SELECT k.organisation FROM chunks c JOIN knowledge_bases k ON k.key = c.knowledge_base WHERE c.key = NEW.chunk);
END;

CREATE TRIGGER usage_of_deleted_contents BEFORE DELETE ON contents BEGIN
  UPDATE usage SET bytes = bytes - octet_length(concat(OLD.content, OLD.embedding))
  WHERE organisation =
    (SELECT k.organisation FROM chunks c JOIN knowledge_bases k ON k.key = c.knowledge_base WHERE c.key = OLD.chunk);
END;

CREATE TRIGGER usage_of_new_contexts AFTER INSERT ON contexts BEGIN
  UPDATE usage SET bytes = bytes + octet_length(NEW.document) WHERE organisation = NEW.organisation;
END;

CREATE TRIGGER usage_of_changed_contexts AFTER UPDATE OF document ON contexts BEGIN
  UPDATE usage SET bytes = bytes + octet_length(NEW.document) - octet_length(OLD.document)
  WHERE organisation = NEW.organisation;
END;

CREATE TRIGGER usage_of_deleted_contexts BEFORE DELETE ON contexts BEGIN
  UPDATE usage SET bytes = bytes - octet_length(OLD.document) WHERE organisation = OLD.organisation;
END;

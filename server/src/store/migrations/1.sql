-- One file for everything but ciphertexts, which are in index files: folder segments, one file for each row of `segments`.
CREATE TABLE organisations (
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  admin_hash BLOB NOT NULL,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TABLE knowledge_bases (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  organisation INTEGER NOT NULL REFERENCES organisations (key),
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  -- The id of the next chunk.
  next_chunk INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
CREATE INDEX knowledge_bases_of ON knowledge_bases (organisation);

-- As their owners sent them; secret keys in them are sealed.
CREATE TABLE contexts (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  organisation INTEGER NOT NULL REFERENCES organisations (key),
  id TEXT NOT NULL,
  document TEXT NOT NULL,
  -- The API key that stored it; nothing if it was the admin key.
  stored_by INTEGER REFERENCES api_keys (key),
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  UNIQUE (organisation, id)
);

-- The vectors of a knowledge base that are encrypted under one context.
CREATE TABLE bindings (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  knowledge_base INTEGER NOT NULL REFERENCES knowledge_bases (key) ON DELETE CASCADE,
  context INTEGER NOT NULL REFERENCES contexts (key),
  UNIQUE (knowledge_base, context)
);
CREATE INDEX bindings_of ON bindings (context);

-- Index files. Rows of a file that no chunk refers to are dead.
CREATE TABLE segments (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  binding INTEGER NOT NULL REFERENCES bindings (key) ON DELETE CASCADE,
  -- Whether nothing is appended any more.
  sealed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX segments_of ON segments (binding);

CREATE TABLE chunks (
  key INTEGER PRIMARY KEY,
  knowledge_base INTEGER NOT NULL REFERENCES knowledge_bases (key) ON DELETE CASCADE,
  id INTEGER NOT NULL,
  binding INTEGER NOT NULL REFERENCES bindings (key) ON DELETE CASCADE,
  -- Where its ciphertext is.
  segment INTEGER NOT NULL REFERENCES segments (key) ON DELETE CASCADE,
  row INTEGER NOT NULL,
  name TEXT,
  tag1 TEXT,
  tag2 TEXT,
  tag3 TEXT,
  tag4 TEXT,
  tag5 TEXT,
  -- A JSON list; nothing if there are none.
  facets TEXT,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  UNIQUE (knowledge_base, id)
);
CREATE UNIQUE INDEX chunks_by_place ON chunks (segment, row, id);
CREATE INDEX chunks_of ON chunks (binding, id);
CREATE INDEX chunks_by_tag1 ON chunks (binding, tag1) WHERE tag1 IS NOT NULL;
CREATE INDEX chunks_by_tag2 ON chunks (binding, tag2) WHERE tag2 IS NOT NULL;
CREATE INDEX chunks_by_tag3 ON chunks (binding, tag3) WHERE tag3 IS NOT NULL;
CREATE INDEX chunks_by_tag4 ON chunks (binding, tag4) WHERE tag4 IS NOT NULL;
CREATE INDEX chunks_by_tag5 ON chunks (binding, tag5) WHERE tag5 IS NOT NULL;

-- Apart from the rest, so that filters do not read past them.
CREATE TABLE contents (
  chunk INTEGER PRIMARY KEY REFERENCES chunks (key) ON DELETE CASCADE,
  content TEXT NOT NULL
);

CREATE TABLE api_keys (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  organisation INTEGER NOT NULL REFERENCES organisations (key),
  -- The first half of the hash, which is its name; and all of it.
  selector BLOB NOT NULL UNIQUE,
  hash BLOB NOT NULL,
  first_characters TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TABLE permissions (
  api_key INTEGER NOT NULL REFERENCES api_keys (key) ON DELETE CASCADE,
  knowledge_base INTEGER NOT NULL REFERENCES knowledge_bases (key) ON DELETE CASCADE,
  permission INTEGER NOT NULL,
  PRIMARY KEY (api_key, knowledge_base)
) WITHOUT ROWID;
CREATE INDEX permissions_on ON permissions (knowledge_base);

-- A database of version 1, as `.dump` of SQLite writes it.
PRAGMA user_version = 1;
PRAGMA foreign_keys = off;
BEGIN TRANSACTION;
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
INSERT INTO "api_keys" VALUES(1,1,X'A5AFA49690AF3C191667FC2CF9F30467',X'A5AFA49690AF3C191667FC2CF9F30467D14CCB7F839638201A4B174FF1B99B25','ooEJB','writer','the notes application',0,'2026-11-24T22:29:48.447Z');
INSERT INTO "api_keys" VALUES(2,1,X'585E3947FF87895BB8E59A148851A3F9',X'585E3947FF87895BB8E59A148851A3F94BD2887DCDD785F07D6E539EA8E026B7','tgI8n','reader','',0,'2026-11-24T22:29:48.451Z');
INSERT INTO "api_keys" VALUES(3,1,X'CF8231083D1BE82F8E12EDA11EC414AB',X'CF8231083D1BE82F8E12EDA11EC414ABF20C8B370F15583474524E9304421344','bccSO','lost laptop','',1,'2026-11-24T22:29:48.451Z');
CREATE TABLE bindings (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  knowledge_base INTEGER NOT NULL REFERENCES knowledge_bases (key) ON DELETE CASCADE,
  context INTEGER NOT NULL REFERENCES contexts (key),
  UNIQUE (knowledge_base, context)
);
INSERT INTO "bindings" VALUES(1,1,1);
INSERT INTO "bindings" VALUES(2,2,2);
INSERT INTO "bindings" VALUES(3,4,3);
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
INSERT INTO "chunks" VALUES(1,1,1,1,1,0,'note 1','home','2024',NULL,NULL,NULL,'["a","ä"]','2026-11-24T22:29:48.491Z','2026-11-24T22:29:48.491Z');
INSERT INTO "chunks" VALUES(2,1,2,1,1,1,'note 2','work',NULL,'x','y','z',NULL,'2026-11-24T22:29:48.491Z','2026-11-24T22:29:48.491Z');
INSERT INTO "chunks" VALUES(4,1,4,1,1,3,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-24T22:29:48.491Z','2026-11-24T22:29:48.491Z');
INSERT INTO "chunks" VALUES(5,1,5,1,1,4,'note 5','home',NULL,NULL,NULL,NULL,'["a"]','2026-11-24T22:29:48.491Z','2026-11-24T22:29:48.491Z');
INSERT INTO "chunks" VALUES(6,1,6,1,1,5,'note 6',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-24T22:29:48.491Z','2026-11-24T22:29:48.491Z');
INSERT INTO "chunks" VALUES(7,2,1,2,2,0,'note 7',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-24T22:29:48.512Z','2026-11-24T22:29:48.512Z');
INSERT INTO "chunks" VALUES(8,2,2,2,2,1,'note 8',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-24T22:29:48.512Z','2026-11-24T22:29:48.512Z');
INSERT INTO "chunks" VALUES(9,4,1,3,3,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-24T22:29:48.543Z','2026-11-24T22:29:48.543Z');
CREATE TABLE contents (
  chunk INTEGER PRIMARY KEY REFERENCES chunks (key) ON DELETE CASCADE,
  content TEXT NOT NULL
);
INSERT INTO "contents" VALUES(1,'sealed note 1');
INSERT INTO "contents" VALUES(2,'sealed note 2');
INSERT INTO "contents" VALUES(4,'sealed note 4');
INSERT INTO "contents" VALUES(5,'sealed note 5');
INSERT INTO "contents" VALUES(6,'sealed note 6');
INSERT INTO "contents" VALUES(7,'sealed note 7');
INSERT INTO "contents" VALUES(8,'sealed note 8');
INSERT INTO "contents" VALUES(9,'theirs');
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
INSERT INTO "contexts" VALUES(1,1,'ctx','{"config":{"alpha_len":512,"embedding_length":16,"key_len":1024,"scheme":"paillier_subgroup"},"context_id":null,"device":"auto","format":"hushvec-context","key_provider":"passphrase","public_id":"c2644b9f044997c1eeed9a55acd8e1907ae2aec7bfdf795a08e8c0dbc9c53252","public_key":{"h_n":"1ae0313194032f714ff0ae54dc64809e6c2c9dffb33f27564b0bb4e8748c68cd3d5015e7b15b6a42d140335ca5695a5aee3a1f4a3c1f46099ebd52057012f61ecba855f2a985433bbb534f19f3e93a2d1972b117b59440a51aba6b0088eafd8c555a981321d6123bf32ae36a31a27a14358f0faf67b95ee57ac62ec2b0cd3c21a9f31f4089ae3af5418b0cb86e8c6370b12df8b20d8d72cb264e7e611c9b6f38b173d0251ece0a3921bc1a5c4f13293349a7010a5d62135dab5e6dc63ba7e26c06eb05b006ed01d0407275e1a8f88db22f693f95d8150a8b77e88d0a3eca3ccb090b8b0e7127ce791ca5b2a98fa4a0a110554149bff60a7e2a8d3967574204a5e1ea2fe3f0f68f2632f25480002b05390eca5961a02a3b6528232b234ba0b52a87c6033925304da08dbc10e52de80153a3e22f8d9f75fe2473ab0466b0060112fb5c4e6e4526094dfbba7c41bd01c4e9dabe4e039bb2ec7f97c6a61b34887ef43b287ab334c510ec4d74cafdbca2be05f1fb2fac4603ec9b4e41eafe8bc9586845fc7dbfffdead9cd8dd1e3a9dc503ffdd7e2c94544819a0838719b0c206c4bead55664036ec7de406266051a49882f2333895a86b4a31a60d134375639d9e717fb2b54d840460766f5fddc219458f6aba07d441b02b2740dcb5ec56111791f71e69aaf0ffdc248625dcfc09ac809df2d3142c59b2d99e00ae1b14fa47f7bc7e","n":"bbe42c0abe68a94c272c79ae458e200317762fafe0ae79eb16cc9cc59d316c21a7909ceab8cd6e9499865ecc313062e73d6ca5a942679e7073eb517fbd0e3c9fbe35016ceb1a013a6a4a2a41cea285e4696254e4c5990c3534be7550dd99e264f455fd562926f60b38d2062276be6cba55ee685cc83437e3ad612cc3e6104f9bf0fd542cae2867f21b911d60bf2e4d0a41f093d9701e0733ebcd7fa4ac901a23c5bb14b25f776ff3b1a64880945b4fd1dad595646b94a56a19261fb85e3cce5b64e48eb1d6e50c2b79cfd44c28435ac4161280583b631bbc41dc3312164f47a471683c74dfcc6fe9ed2a3ddbf61fb4eed9b9cea71684665f1d490675a6380879"},"sealed":"6p7+c3AZwIawbXMXYzcr2o0V2t8Ah0bGEU4h2yIwDhSqSZnvc+lTB5zV8kE98DUD5a3qt72PS2XJ/HucoCN68dAE6hje5LSUnBhe8RDs5wVopOuBY4Ydic10yjmtp7gtNPAz8NMr6R2CHQPIaVYC5M3uF+SSH8KZD4adkxDDrl2HH7KMGTKxUVjgisrf+VMbeDD97Rob/TF2Dx1vB4WwJL8UOep+EUuXF2UnBlKY1gPKwjpuaGOh2iwIZ26SWlYRIYRt6yRx1hlGiBtjEoZAQVqmJflyfc80omk4jA9oKv0i6cY7Re3yDNao9cNjTDvpHiqGzMldty6aHfTJI5E7jDiXSKWOsCZC/QvNbtwj1kQnViwaeSYrSkTjn0xibKctYOliW1gsysHokBB8BGhVGDaJ7ApcX4GsUn+knSC1xlRk/sndi43bm62p1O+OLJv692XbvsVNWJcIyqxYxVcxvw0qsSLsFWNENHayw8PP6UeEd2cAoQ2i6CFDtuUvBivuSdW1xY4MgZLmKrJa5f2nSXHrx27XIsSSBNo8ZqnbYu5qH4JliWfEllF6jqdfuYMLeb8B8yltzcDZydAtoGZs53Bn3667SE8nHIgf71mw7neYDFS0ccZ3FGcKv1ap51lSfgephGXN0vafczNEUPO+CV01/STh+eyDc1CAvwJAoWvzDKCU6u78L8QH2Bn7llBOooLUjnnAvbym94SHeIvBvnaJ2SHQ8j4FIaUtiY4WjkmHqYGGt3XmLpMkb2w=","version":1,"wrapped_key":"JGFyZ29uMmlkJHY9MTkkbT02NTUzNix0PTMscD00JFF3aDNMM0dLRjd2VEovUDNuTEttTGc="}',NULL,'2026-11-24T22:29:48.437Z');
INSERT INTO "contexts" VALUES(2,1,'ctx-2','{"config":{"alpha_len":512,"embedding_length":16,"key_len":1024,"scheme":"paillier_subgroup"},"context_id":null,"device":"auto","format":"hushvec-context","key_provider":"passphrase","public_id":"c2644b9f044997c1eeed9a55acd8e1907ae2aec7bfdf795a08e8c0dbc9c53252","public_key":{"h_n":"1ae0313194032f714ff0ae54dc64809e6c2c9dffb33f27564b0bb4e8748c68cd3d5015e7b15b6a42d140335ca5695a5aee3a1f4a3c1f46099ebd52057012f61ecba855f2a985433bbb534f19f3e93a2d1972b117b59440a51aba6b0088eafd8c555a981321d6123bf32ae36a31a27a14358f0faf67b95ee57ac62ec2b0cd3c21a9f31f4089ae3af5418b0cb86e8c6370b12df8b20d8d72cb264e7e611c9b6f38b173d0251ece0a3921bc1a5c4f13293349a7010a5d62135dab5e6dc63ba7e26c06eb05b006ed01d0407275e1a8f88db22f693f95d8150a8b77e88d0a3eca3ccb090b8b0e7127ce791ca5b2a98fa4a0a110554149bff60a7e2a8d3967574204a5e1ea2fe3f0f68f2632f25480002b05390eca5961a02a3b6528232b234ba0b52a87c6033925304da08dbc10e52de80153a3e22f8d9f75fe2473ab0466b0060112fb5c4e6e4526094dfbba7c41bd01c4e9dabe4e039bb2ec7f97c6a61b34887ef43b287ab334c510ec4d74cafdbca2be05f1fb2fac4603ec9b4e41eafe8bc9586845fc7dbfffdead9cd8dd1e3a9dc503ffdd7e2c94544819a0838719b0c206c4bead55664036ec7de406266051a49882f2333895a86b4a31a60d134375639d9e717fb2b54d840460766f5fddc219458f6aba07d441b02b2740dcb5ec56111791f71e69aaf0ffdc248625dcfc09ac809df2d3142c59b2d99e00ae1b14fa47f7bc7e","n":"bbe42c0abe68a94c272c79ae458e200317762fafe0ae79eb16cc9cc59d316c21a7909ceab8cd6e9499865ecc313062e73d6ca5a942679e7073eb517fbd0e3c9fbe35016ceb1a013a6a4a2a41cea285e4696254e4c5990c3534be7550dd99e264f455fd562926f60b38d2062276be6cba55ee685cc83437e3ad612cc3e6104f9bf0fd542cae2867f21b911d60bf2e4d0a41f093d9701e0733ebcd7fa4ac901a23c5bb14b25f776ff3b1a64880945b4fd1dad595646b94a56a19261fb85e3cce5b64e48eb1d6e50c2b79cfd44c28435ac4161280583b631bbc41dc3312164f47a471683c74dfcc6fe9ed2a3ddbf61fb4eed9b9cea71684665f1d490675a6380879"},"sealed":"6p7+c3AZwIawbXMXYzcr2o0V2t8Ah0bGEU4h2yIwDhSqSZnvc+lTB5zV8kE98DUD5a3qt72PS2XJ/HucoCN68dAE6hje5LSUnBhe8RDs5wVopOuBY4Ydic10yjmtp7gtNPAz8NMr6R2CHQPIaVYC5M3uF+SSH8KZD4adkxDDrl2HH7KMGTKxUVjgisrf+VMbeDD97Rob/TF2Dx1vB4WwJL8UOep+EUuXF2UnBlKY1gPKwjpuaGOh2iwIZ26SWlYRIYRt6yRx1hlGiBtjEoZAQVqmJflyfc80omk4jA9oKv0i6cY7Re3yDNao9cNjTDvpHiqGzMldty6aHfTJI5E7jDiXSKWOsCZC/QvNbtwj1kQnViwaeSYrSkTjn0xibKctYOliW1gsysHokBB8BGhVGDaJ7ApcX4GsUn+knSC1xlRk/sndi43bm62p1O+OLJv692XbvsVNWJcIyqxYxVcxvw0qsSLsFWNENHayw8PP6UeEd2cAoQ2i6CFDtuUvBivuSdW1xY4MgZLmKrJa5f2nSXHrx27XIsSSBNo8ZqnbYu5qH4JliWfEllF6jqdfuYMLeb8B8yltzcDZydAtoGZs53Bn3667SE8nHIgf71mw7neYDFS0ccZ3FGcKv1ap51lSfgephGXN0vafczNEUPO+CV01/STh+eyDc1CAvwJAoWvzDKCU6u78L8QH2Bn7llBOooLUjnnAvbym94SHeIvBvnaJ2SHQ8j4FIaUtiY4WjkmHqYGGt3XmLpMkb2w=","version":1,"wrapped_key":"JGFyZ29uMmlkJHY9MTkkbT02NTUzNix0PTMscD00JFF3aDNMM0dLRjd2VEovUDNuTEttTGc="}',1,'2026-11-24T22:29:48.472Z');
INSERT INTO "contexts" VALUES(3,2,'ctx','{"config":{"alpha_len":512,"embedding_length":16,"key_len":1024,"scheme":"paillier_subgroup"},"context_id":null,"device":"auto","format":"hushvec-context","key_provider":"passphrase","public_id":"c2644b9f044997c1eeed9a55acd8e1907ae2aec7bfdf795a08e8c0dbc9c53252","public_key":{"h_n":"1ae0313194032f714ff0ae54dc64809e6c2c9dffb33f27564b0bb4e8748c68cd3d5015e7b15b6a42d140335ca5695a5aee3a1f4a3c1f46099ebd52057012f61ecba855f2a985433bbb534f19f3e93a2d1972b117b59440a51aba6b0088eafd8c555a981321d6123bf32ae36a31a27a14358f0faf67b95ee57ac62ec2b0cd3c21a9f31f4089ae3af5418b0cb86e8c6370b12df8b20d8d72cb264e7e611c9b6f38b173d0251ece0a3921bc1a5c4f13293349a7010a5d62135dab5e6dc63ba7e26c06eb05b006ed01d0407275e1a8f88db22f693f95d8150a8b77e88d0a3eca3ccb090b8b0e7127ce791ca5b2a98fa4a0a110554149bff60a7e2a8d3967574204a5e1ea2fe3f0f68f2632f25480002b05390eca5961a02a3b6528232b234ba0b52a87c6033925304da08dbc10e52de80153a3e22f8d9f75fe2473ab0466b0060112fb5c4e6e4526094dfbba7c41bd01c4e9dabe4e039bb2ec7f97c6a61b34887ef43b287ab334c510ec4d74cafdbca2be05f1fb2fac4603ec9b4e41eafe8bc9586845fc7dbfffdead9cd8dd1e3a9dc503ffdd7e2c94544819a0838719b0c206c4bead55664036ec7de406266051a49882f2333895a86b4a31a60d134375639d9e717fb2b54d840460766f5fddc219458f6aba07d441b02b2740dcb5ec56111791f71e69aaf0ffdc248625dcfc09ac809df2d3142c59b2d99e00ae1b14fa47f7bc7e","n":"bbe42c0abe68a94c272c79ae458e200317762fafe0ae79eb16cc9cc59d316c21a7909ceab8cd6e9499865ecc313062e73d6ca5a942679e7073eb517fbd0e3c9fbe35016ceb1a013a6a4a2a41cea285e4696254e4c5990c3534be7550dd99e264f455fd562926f60b38d2062276be6cba55ee685cc83437e3ad612cc3e6104f9bf0fd542cae2867f21b911d60bf2e4d0a41f093d9701e0733ebcd7fa4ac901a23c5bb14b25f776ff3b1a64880945b4fd1dad595646b94a56a19261fb85e3cce5b64e48eb1d6e50c2b79cfd44c28435ac4161280583b631bbc41dc3312164f47a471683c74dfcc6fe9ed2a3ddbf61fb4eed9b9cea71684665f1d490675a6380879"},"sealed":"6p7+c3AZwIawbXMXYzcr2o0V2t8Ah0bGEU4h2yIwDhSqSZnvc+lTB5zV8kE98DUD5a3qt72PS2XJ/HucoCN68dAE6hje5LSUnBhe8RDs5wVopOuBY4Ydic10yjmtp7gtNPAz8NMr6R2CHQPIaVYC5M3uF+SSH8KZD4adkxDDrl2HH7KMGTKxUVjgisrf+VMbeDD97Rob/TF2Dx1vB4WwJL8UOep+EUuXF2UnBlKY1gPKwjpuaGOh2iwIZ26SWlYRIYRt6yRx1hlGiBtjEoZAQVqmJflyfc80omk4jA9oKv0i6cY7Re3yDNao9cNjTDvpHiqGzMldty6aHfTJI5E7jDiXSKWOsCZC/QvNbtwj1kQnViwaeSYrSkTjn0xibKctYOliW1gsysHokBB8BGhVGDaJ7ApcX4GsUn+knSC1xlRk/sndi43bm62p1O+OLJv692XbvsVNWJcIyqxYxVcxvw0qsSLsFWNENHayw8PP6UeEd2cAoQ2i6CFDtuUvBivuSdW1xY4MgZLmKrJa5f2nSXHrx27XIsSSBNo8ZqnbYu5qH4JliWfEllF6jqdfuYMLeb8B8yltzcDZydAtoGZs53Bn3667SE8nHIgf71mw7neYDFS0ccZ3FGcKv1ap51lSfgephGXN0vafczNEUPO+CV01/STh+eyDc1CAvwJAoWvzDKCU6u78L8QH2Bn7llBOooLUjnnAvbym94SHeIvBvnaJ2SHQ8j4FIaUtiY4WjkmHqYGGt3XmLpMkb2w=","version":1,"wrapped_key":"JGFyZ29uMmlkJHY9MTkkbT02NTUzNix0PTMscD00JFF3aDNMM0dLRjd2VEovUDNuTEttTGc="}',NULL,'2026-11-24T22:29:48.520Z');
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
INSERT INTO "knowledge_bases" VALUES(1,1,'ca79cf91-7a26-425c-9984-34c3a537b9a9','notes','what I think, größtenteils',7,'2026-11-24T22:29:48.439Z','2026-11-24T22:29:48.494Z');
INSERT INTO "knowledge_bases" VALUES(2,1,'813f8a14-d7dc-4b9a-89e9-c37f29272b53','drafts','',3,'2026-11-24T22:29:48.443Z','2026-11-24T22:29:48.512Z');
INSERT INTO "knowledge_bases" VALUES(3,1,'44b0254f-2ac2-47c5-95f6-8ac3182e2d91','empty','',1,'2026-11-24T22:29:48.444Z','2026-11-24T22:29:48.444Z');
INSERT INTO "knowledge_bases" VALUES(4,2,'5b259fb2-2746-49e4-a373-3b16354a7dfd','notes','',2,'2026-11-24T22:29:48.522Z','2026-11-24T22:29:48.543Z');
CREATE TABLE organisations (
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  admin_hash BLOB NOT NULL,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
INSERT INTO "organisations" VALUES(1,'default',X'92EEE15AFA76D85B8B4DD8F510C4F5B7C1D8ED9A5FDFCEC8D3BD6CE37D245766','2026-11-24T22:29:48.431Z');
INSERT INTO "organisations" VALUES(2,'acme',X'6B10BA067FF2DDEE07F7A5184112E5DEF958FFFE7371104C39547160548FF2AE','2026-11-24T22:29:48.514Z');
CREATE TABLE permissions (
  api_key INTEGER NOT NULL REFERENCES api_keys (key) ON DELETE CASCADE,
  knowledge_base INTEGER NOT NULL REFERENCES knowledge_bases (key) ON DELETE CASCADE,
  permission INTEGER NOT NULL,
  PRIMARY KEY (api_key, knowledge_base)
) WITHOUT ROWID;
INSERT INTO "permissions" VALUES(1,1,7);
INSERT INTO "permissions" VALUES(1,2,3);
INSERT INTO "permissions" VALUES(2,1,1);
CREATE TABLE segments (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  binding INTEGER NOT NULL REFERENCES bindings (key) ON DELETE CASCADE,
  -- Whether nothing is appended any more.
  sealed INTEGER NOT NULL DEFAULT 0
);
INSERT INTO "segments" VALUES(1,1,0);
INSERT INTO "segments" VALUES(2,2,0);
INSERT INTO "segments" VALUES(3,3,0);
CREATE TABLE usage (
  organisation INTEGER PRIMARY KEY REFERENCES organisations (key),
  chunks INTEGER NOT NULL,
  -- Bytes of contents, names, metadata and contexts.
  bytes INTEGER NOT NULL
);
INSERT INTO "usage" VALUES(1,7,5573);
INSERT INTO "usage" VALUES(2,1,2712);
CREATE INDEX knowledge_bases_of ON knowledge_bases (organisation);
CREATE INDEX bindings_of ON bindings (context);
CREATE INDEX segments_of ON segments (binding);
CREATE UNIQUE INDEX chunks_by_place ON chunks (segment, row, id);
CREATE INDEX chunks_of ON chunks (binding, id);
CREATE INDEX chunks_by_tag1 ON chunks (binding, tag1) WHERE tag1 IS NOT NULL;
CREATE INDEX chunks_by_tag2 ON chunks (binding, tag2) WHERE tag2 IS NOT NULL;
CREATE INDEX chunks_by_tag3 ON chunks (binding, tag3) WHERE tag3 IS NOT NULL;
CREATE INDEX chunks_by_tag4 ON chunks (binding, tag4) WHERE tag4 IS NOT NULL;
CREATE INDEX chunks_by_tag5 ON chunks (binding, tag5) WHERE tag5 IS NOT NULL;
CREATE INDEX permissions_on ON permissions (knowledge_base);
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
CREATE TRIGGER usage_of_deleted_chunks BEFORE DELETE ON chunks BEGIN
  UPDATE usage SET chunks = chunks - 1, bytes = bytes
    - octet_length(concat(OLD.name, OLD.tag1, OLD.tag2, OLD.tag3, OLD.tag4, OLD.tag5, OLD.facets))
    - coalesce((SELECT octet_length(content) FROM contents WHERE chunk = OLD.key), 0)
  WHERE organisation = (SELECT organisation FROM knowledge_bases WHERE key = OLD.knowledge_base);
END;
CREATE TRIGGER usage_of_new_contents AFTER INSERT ON contents BEGIN
  UPDATE usage SET bytes = bytes + octet_length(NEW.content)
  WHERE organisation =
    (SELECT k.organisation FROM chunks c JOIN knowledge_bases k ON k.key = c.knowledge_base WHERE c.key = NEW.chunk);
END;
CREATE TRIGGER usage_of_changed_contents AFTER UPDATE OF content ON contents BEGIN
  UPDATE usage SET bytes = bytes + octet_length(NEW.content) - octet_length(OLD.content)
  WHERE organisation =
    (SELECT k.organisation FROM chunks c JOIN knowledge_bases k ON k.key = c.knowledge_base WHERE c.key = NEW.chunk);
END;
CREATE TRIGGER usage_of_deleted_contents BEFORE DELETE ON contents BEGIN
  UPDATE usage SET bytes = bytes - octet_length(OLD.content)
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('knowledge_bases',4);
INSERT INTO "sqlite_sequence" VALUES('contexts',3);
INSERT INTO "sqlite_sequence" VALUES('bindings',3);
INSERT INTO "sqlite_sequence" VALUES('segments',3);
INSERT INTO "sqlite_sequence" VALUES('api_keys',3);
COMMIT;

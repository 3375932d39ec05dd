-- The first schema of the records, for SQLite. Frozen: what comes later is a migration of its own.
-- Instants are milliseconds since 1970 UTC; yes and no are 1 and 0; ids are UUIDs as text.

CREATE TABLE conversations (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    customer TEXT,
    -- The customer's name as it is searched for.
    customer_folded TEXT,
    verdict TEXT,
    pinned BIGINT NOT NULL DEFAULT 0,
    follows TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Rounds that no edit replaced.
    rounds BIGINT NOT NULL DEFAULT 0,
    picture TEXT,
    interrupted BIGINT NOT NULL DEFAULT 0,
    deleted_at BIGINT
);
CREATE INDEX conversations_listed ON conversations (pinned, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX conversations_updated ON conversations (updated_at, id);
CREATE INDEX conversations_created ON conversations (created_at, id);
CREATE INDEX conversations_of_customer ON conversations (customer) WHERE customer IS NOT NULL;
CREATE INDEX conversations_judged ON conversations (verdict, rounds) WHERE verdict IS NOT NULL;
CREATE INDEX conversations_in_bin ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX conversations_following ON conversations (follows) WHERE follows IS NOT NULL;

-- Questions that mean the same. The label is the question of `round`, so that words stand in one place.
CREATE TABLE question_groups (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    round BIGINT
);
CREATE INDEX question_groups_by_round ON question_groups (round);

CREATE TABLE rounds (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    conversation BIGINT NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    question TEXT NOT NULL,
    role TEXT NOT NULL,
    settings TEXT NOT NULL,
    remembered_rounds BIGINT NOT NULL,
    asker TEXT,
    replaced_by TEXT,
    -- Whether insights count it: not replaced, and not in the bin.
    counts BIGINT NOT NULL DEFAULT 1,
    question_group BIGINT,
    -- Of the answer that counts, the newest one that is done.
    answered BIGINT NOT NULL DEFAULT 0,
    -- Millionths of a second.
    ttft_us BIGINT,
    doubtful BIGINT NOT NULL DEFAULT 0,
    -- Of all its answers.
    thumbs_up BIGINT NOT NULL DEFAULT 0,
    thumbs_down BIGINT NOT NULL DEFAULT 0,
    UNIQUE (conversation, position)
);
-- All that insights count, so that they need not look at the rounds themselves.
CREATE INDEX rounds_counting
    ON rounds (asked_at, conversation, question_group, answered, ttft_us, doubtful, thumbs_up, thumbs_down)
    WHERE counts = 1;
CREATE INDEX rounds_of_group ON rounds (question_group, counts, asked_at, conversation);
CREATE INDEX rounds_in_doubt ON rounds (asked_at) WHERE counts = 1 AND doubtful > 0;

CREATE TABLE answers (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    round BIGINT NOT NULL REFERENCES rounds (number) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    text TEXT NOT NULL DEFAULT '',
    -- For each token its length in UTF-16 code units and its log probability in thousandths: `2,-12 `.
    tokens TEXT NOT NULL DEFAULT '',
    marks TEXT NOT NULL DEFAULT '[]',
    finish_reason TEXT,
    usage TEXT,
    timings TEXT,
    problem TEXT,
    thumb TEXT,
    correction TEXT,
    evidence TEXT NOT NULL DEFAULT '[]',
    readings TEXT NOT NULL DEFAULT '[]',
    settings TEXT
);
CREATE INDEX answers_of_round ON answers (round);
CREATE INDEX answers_running ON answers (state) WHERE state = 'running';

-- The files lie in the data directory under these names.
CREATE TABLE pictures (
    id TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);

CREATE TABLE round_pictures (
    round BIGINT NOT NULL REFERENCES rounds (number) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    picture TEXT NOT NULL REFERENCES pictures (id),
    PRIMARY KEY (round, position)
);
CREATE INDEX round_pictures_by_picture ON round_pictures (picture);

CREATE TABLE roles (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    standard BIGINT NOT NULL DEFAULT 0,
    position BIGINT NOT NULL
);

CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    asker TEXT
);

-- The search index. Its row is the conversation's number × 2^20 + the round's position; 0 is the
-- title. The words have been cut before; here they are only split at spaces.
CREATE VIRTUAL TABLE found USING fts5(
    words, content = '', contentless_delete = 1, detail = 'none', tokenize = 'ascii'
);

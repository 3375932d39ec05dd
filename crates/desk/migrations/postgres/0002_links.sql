-- A conversation that continues one which is not here continues none: imports used to bring such links.

UPDATE conversations SET follows = NULL
WHERE follows IS NOT NULL AND NOT EXISTS (SELECT 1 FROM conversations b WHERE b.id = conversations.follows);

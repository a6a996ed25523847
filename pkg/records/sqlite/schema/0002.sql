-- Which step of the head the consolidated packs hold the history up to, who works
-- on them until when (nobody: ''), and whether the git remote is switched off.
ALTER TABLE wikis ADD COLUMN base_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE wikis ADD COLUMN upkeep_holder TEXT NOT NULL DEFAULT '';
ALTER TABLE wikis ADD COLUMN upkeep_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE wikis ADD COLUMN git_off INTEGER NOT NULL DEFAULT 0;

// The installed git, and what every clone is held to.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

// git runs a command in a folder, with nobody's settings and no terminal to ask
// at. It returns what was printed; a failure's message carries what git said.
export async function git(dir, args, env = {}) {
	const { stdout, stderr } = await run('git', ['-C', dir, ...args], {
		env: { PATH: process.env.PATH, HOME: dir, LC_ALL: 'C', GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', no_proxy: '*', ...env },
		maxBuffer: 64 << 20
	});
	return { stdout: stdout.trimEnd(), stderr };
}

// sound holds a clone to what git itself finds right about it.
export async function sound(clone) {
	const { stdout, stderr } = await git(clone, ['fsck', '--strict', '--full']);
	assert.doesNotMatch(stdout + stderr, /error|warning|missing|dangling/, `fsck of ${clone}`);
}

// filesOf reads a checkout: the files' texts by path.
export function filesOf(dir) {
	const files = {};
	for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
		const path = relative(dir, join(entry.parentPath ?? entry.path, entry.name));
		if (entry.isFile() && !path.startsWith('.git/')) files[path] = readFileSync(join(dir, path), 'utf8');
	}
	return files;
}

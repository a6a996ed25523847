// The first command of the README, as a new user gives it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import '../lib/fleet.js'; // makes .localhost names resolve

test('scripts/up builds, serves and says where', async () => {
	const dir = mkdtempSync(join(tmpdir(), 'wikibot-up-'));
	const up = spawn(fileURLToPath(new URL('../../scripts/up', import.meta.url)), ['--data', join(dir, 'data'), '--listen', '127.0.0.1:0', '--log', 'off'], {
		stdio: ['ignore', 'pipe', 'inherit']
	});
	try {
		let url;
		for await (const line of createInterface({ input: up.stdout })) {
			url = line.match(/^wikibot serves at (\S+)/)?.[1];
			if (url) break;
		}
		assert.ok(url, 'it did not say where it serves');
		const app = await fetch(new URL('/app/', url));
		assert.equal(app.status, 200);
		assert.match(await app.text(), /<div id="app">/);
	} finally {
		const ended = new Promise((resolve) => up.once('exit', resolve));
		up.kill('SIGINT');
		await ended;
		rmSync(dir, { recursive: true, force: true });
	}
});

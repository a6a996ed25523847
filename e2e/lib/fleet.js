// Starts the built binary on a data folder of its own and stops it again.
import dns from 'node:dns';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

// Every .localhost name is this machine (RFC 6761), whatever the resolver says.
const lookup = dns.lookup;
dns.lookup = (name, options, done) =>
	lookup(name.endsWith('.localhost') ? '127.0.0.1' : name, options, done);

const root = fileURLToPath(new URL('../..', import.meta.url));
export const binary = join(root, 'bin/wikibot');

export async function startFleet() {
	const dir = mkdtempSync(join(tmpdir(), 'wikibot-e2e-'));
	const data = join(dir, 'data');
	const server = spawn(binary, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--log', 'off'], {
		stdio: ['ignore', 'pipe', 'inherit']
	});
	const line = await new Promise((resolve, reject) => {
		createInterface({ input: server.stdout }).once('line', resolve);
		server.once('exit', (code) => reject(new Error(`the server ended with ${code} before it served`)));
	});
	const url = line.replace('wikibot serves at ', '').replace(/\/$/, '');
	return {
		url,
		dir,
		wiki: (slug, path = '') => url.replace('://', `://${slug}.`) + path,
		admin: (...args) =>
			execFileSync(binary, ['admin', args[0], '--data', data, ...args.slice(1)], { encoding: 'utf8' }),
		async stop() {
			const ended = new Promise((resolve) => server.once('exit', resolve));
			server.kill('SIGINT');
			await ended;
			rmSync(dir, { recursive: true, force: true });
		}
	};
}

// docsRepository makes a git repository of this project's own documentation:
// real Markdown that every clone of the project carries.
export function docsRepository(dir) {
	const repo = join(dir, 'docs-repo');
	const git = (...args) => execFileSync('git', ['-C', repo, '-c', 'user.name=Docs', '-c', 'user.email=docs@example.org', ...args]);
	execFileSync('git', ['init', '-q', '-b', 'main', repo]);
	execFileSync('cp', ['-R', join(root, 'docs'), join(root, 'README.md'), repo]);
	git('add', '.');
	git('commit', '-q', '-m', 'Bring the documentation in');
	return repo;
}

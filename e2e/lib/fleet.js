// Starts a fleet on a folder of its own and stops it again. It is the built
// binary, unless WIKIBOT_FLEET names another command, which must print the same
// first line, keep its data in $WIKIBOT_E2E_DATA, and end in good order when
// interrupted.
import assert from 'node:assert/strict';
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

function spawnFleet(data, signIn) {
	const env = { ...process.env, WIKIBOT_E2E_DATA: data };
	const command = process.env.WIKIBOT_FLEET;
	const more = [];
	if (signIn) {
		env.WIKIBOT_SIGN_IN_SECRET = signIn.secret;
		more.push('--sign-in-issuer', signIn.issuer, '--sign-in-client', signIn.client);
		if (!command) more.push('--sign-in', 'oidc');
	}
	const options = { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], env };
	// By exec, so that the interrupt reaches the command and not a shell before it.
	if (command) return spawn(`exec ${command} ${more.join(' ')}`, { ...options, shell: true });
	return spawn(binary, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--log', 'off', ...more], options);
}

// startFleet starts it with the development sign-in, or with an OpenID Connect
// issuer: {issuer, client, secret}.
export async function startFleet({ signIn } = {}) {
	const dir = mkdtempSync(join(tmpdir(), 'wikibot-e2e-'));
	const data = join(dir, 'data');
	const server = spawnFleet(data, signIn);
	const line = await new Promise((resolve, reject) => {
		createInterface({ input: server.stdout }).once('line', resolve);
		server.once('exit', (code) => reject(new Error(`the server ended with ${code} before it served`)));
	});
	assert.match(line, /^wikibot serves at /);
	const url = line.replace('wikibot serves at ', '').replace(/\/$/, '');
	return {
		url,
		dir,
		wiki: (slug, path = '') => url.replace('://', `://${slug}.`) + path,
		// The operator's commands: of the one-process binary alone.
		admin(...args) {
			assert.ok(!process.env.WIKIBOT_FLEET, 'only the binary has "wikibot admin": leave this test out');
			return execFileSync(binary, ['admin', args[0], '--data', data, ...args.slice(1)], { encoding: 'utf8' });
		},
		async stop() {
			const ended = new Promise((resolve) => server.once('exit', resolve));
			server.kill('SIGINT');
			await ended;
			rmSync(dir, { recursive: true, force: true });
		}
	};
}

// signIn opens a session for somebody, who is registered if they are new. It
// returns a function that calls the management API as they.
export async function signIn(fleet, username) {
	const login = await fetch(fleet.url + '/auth/login', {
		method: 'POST',
		redirect: 'manual',
		headers: { origin: fleet.url },
		body: new URLSearchParams({ email: `${username}@example.org`, username })
	});
	assert.equal(login.status, 303, await login.text());
	const cookie = login.headers.getSetCookie().map((c) => c.split(';')[0]).join('; ');
	return async (method, path, body) => {
		const answer = await fetch(fleet.url + '/api' + path, {
			method,
			headers: { origin: fleet.url, 'content-type': 'application/json', cookie },
			body: body && JSON.stringify(body)
		});
		assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
		return answer.json();
	};
}

// joinFleet signs somebody in and makes their wiki, named like them, through the
// public doors. It returns the wiki's token.
export async function joinFleet(fleet, username) {
	const api = await signIn(fleet, username);
	return (await api('POST', '/wikis', { slug: username, name: username })).token;
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

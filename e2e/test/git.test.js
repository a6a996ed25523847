// Git clients that share no code with the server: the installed git, in every
// version of the protocol, and isomorphic-git.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import isomorphic from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { joinFleet, signIn, startFleet } from '../lib/fleet.js';
import { filesOf, git, sound } from '../lib/git.js';

let fleet, token, foreign, manage, remote, made = 0, dir;

before(async () => {
	fleet = await startFleet();
	token = await joinFleet(fleet, 'ada');
	foreign = await joinFleet(fleet, 'eve');
	manage = await signIn(fleet, 'ada');
	remote = fleet.wiki('ada', '/repo.git');
	await write('Grüße/Straße', 'Über alles, was 漢字 sind.\n');
	await write('Deep/er/and/deeper', 'x'.repeat(100_000) + '\n');
	for (let i = 0; i < 6; i++) await write('Often', Array.from({ length: 300 }, (_, n) => `line ${n} of ${n % 7 ? 'all' : i}\n`).join(''));
	await write('Gone', 'soon\n');
	await rest('DELETE', '/pages/Gone');
});
after(() => fleet?.stop());
beforeEach(() => {
	dir = join(fleet.dir, `clone-${++made}`);
});

async function rest(method, path, body) {
	const answer = await fetch(fleet.wiki('ada', '/api/v1' + path), {
		method,
		headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
		body: body && JSON.stringify(body)
	});
	assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
	return answer.status === 204 ? undefined : answer.json();
}

const at = (path) => '/pages/' + encodeURIComponent(path);

// write saves a page over what there is.
async function write(path, content) {
	const old = await fetch(fleet.wiki('ada', '/api/v1' + at(path)), { headers: { authorization: `Bearer ${token}` } });
	const revision = old.ok ? (await old.json()).revision : undefined;
	await rest('PUT', at(path), { content, ...(revision && { revision }) });
}

// pages are the wiki's files as another door shows them.
async function pages() {
	const files = {};
	for (const { path } of (await rest('GET', '/pages')).pages) files[path + '.md'] = (await rest('GET', at(path))).content;
	return files;
}

const commits = async () => (await rest('GET', '/changelog')).total;

const withToken = (secret = token) => remote.replace('://', `://anybody:${secret}@`);
const iso = (more = {}) => ({ fs, http, dir, url: remote, onAuth: () => ({ username: 'anybody', password: token }), ...more });

test('isomorphic-git clones, reads the log and pulls', async () => {
	await isomorphic.clone(iso());
	assert.deepEqual(filesOf(dir), await pages());
	assert.equal((await isomorphic.log({ fs, dir })).length, await commits());
	assert.deepEqual(await isomorphic.listBranches({ fs, dir, remote: 'origin' }), ['HEAD', 'main']);
	await sound(dir);

	for (const turn of [1, 2]) {
		await write('Often', `short, for the ${turn}. time\n`);
		const { fetchHead } = await isomorphic.fetch(iso());
		assert.equal((await isomorphic.log({ fs, dir, ref: fetchHead })).length, await commits());
		await isomorphic.pull(iso({ ref: 'main', fastForwardOnly: true, author: { name: 'E2E' } }));
		assert.deepEqual(filesOf(dir), await pages());
	}
	assert.equal((await isomorphic.fetch(iso())).fetchHead, await isomorphic.resolveRef({ fs, dir, ref: 'HEAD' }), 'with nothing new');
	await sound(dir);
});

test('isomorphic-git clones one commit, then deepens', async () => {
	await isomorphic.clone(iso({ depth: 1, singleBranch: true }));
	assert.deepEqual(filesOf(dir), await pages());
	assert.equal((await isomorphic.log({ fs, dir })).length, 1);
	await sound(dir);
	await isomorphic.fetch(iso({ depth: 3 }));
	assert.equal((await isomorphic.log({ fs, dir })).length, 3);
	await isomorphic.fetch(iso({ depth: 2, relative: true }));
	assert.equal((await isomorphic.log({ fs, dir })).length, 5);
	await write('Often', 'beyond a shallow clone\n');
	await isomorphic.pull(iso({ ref: 'main', fastForwardOnly: true, author: { name: 'E2E' } }));
	assert.equal((await isomorphic.log({ fs, dir })).length, 6);
	assert.deepEqual(filesOf(dir), await pages());
	await sound(dir);
});

test('isomorphic-git clones a single branch, and what came since a day', async () => {
	await isomorphic.clone(iso({ singleBranch: true, noTags: true, ref: 'main' }));
	assert.deepEqual(filesOf(dir), await pages());
	assert.equal((await isomorphic.log({ fs, dir })).length, await commits());
	await sound(dir);
	dir += '-since';
	await isomorphic.clone(iso({ since: new Date(Date.now() - 86_400_000), singleBranch: true }));
	assert.equal((await isomorphic.log({ fs, dir })).length, await commits());
	await sound(dir);
});

test('isomorphic-git lists the refs in both versions of the protocol', async () => {
	const oid = (await git(fleet.dir, ['ls-remote', withToken(), 'HEAD'])).stdout.split('\t')[0];
	for (const protocolVersion of [1, 2]) {
		const refs = await isomorphic.listServerRefs(iso({ protocolVersion, symrefs: true }));
		assert.deepEqual(refs, [{ ref: 'HEAD', oid, target: 'refs/heads/main' }, { ref: 'refs/heads/main', oid }], `version ${protocolVersion}`);
	}
	assert.deepEqual(await isomorphic.listServerRefs(iso({ protocolVersion: 2, prefix: 'refs/heads/' })), [{ ref: 'refs/heads/main', oid }]);
	assert.equal((await isomorphic.getRemoteInfo2(iso({ protocolVersion: 2 }))).protocolVersion, 2);
});

for (const version of ['0', '1', '2']) {
	test(`git clones, pulls and goes by parts with protocol version ${version}`, async () => {
		const speak = (where, ...args) => git(where, ['-c', `protocol.version=${version}`, ...args]);
		const { stderr } = await git(fleet.dir, ['-c', `protocol.version=${version}`, 'ls-remote', '-q', withToken()], { GIT_TRACE_PACKET: '1' });
		assert.equal(stderr.match(/< version (\d)/)?.[1] ?? '0', version, 'the version that the server answers in');

		await speak(fleet.dir, 'clone', '-q', withToken(), dir);
		assert.deepEqual(filesOf(dir), await pages());
		assert.equal((await git(dir, ['rev-list', '--count', 'HEAD'])).stdout, String(await commits()));
		await write('Often', `written while ${version} was spoken\n`);
		await speak(dir, 'pull', '-q', '--ff-only');
		assert.deepEqual(filesOf(dir), await pages());
		await speak(dir, 'pull', '-q', '--ff-only'); // with nothing new
		await sound(dir);

		const shallow = dir + '-shallow';
		await speak(fleet.dir, 'clone', '-q', '--depth=1', withToken(), shallow);
		assert.deepEqual(filesOf(shallow), await pages());
		await sound(shallow);
		for (const [more, count] of [['--depth=3', '3'], ['--deepen=2', '5'], ['--unshallow', String(await commits())]]) {
			await speak(shallow, 'fetch', '-q', more);
			assert.equal((await git(shallow, ['rev-list', '--count', 'HEAD'])).stdout, count, more);
		}
		await sound(shallow);
		const since = dir + '-since';
		await speak(fleet.dir, 'clone', '-q', '--shallow-since=yesterday', withToken(), since);
		await sound(since);

		for (const filter of ['blob:none', 'blob:limit=10k', 'tree:0']) {
			const partial = `${dir}-${filter.replace(':', '-')}`;
			await speak(fleet.dir, 'clone', '-q', '--no-checkout', `--filter=${filter}`, withToken(), partial);
			const { stdout } = await git(partial, ['rev-list', '--objects', '--all', '--missing=print']);
			assert.match(stdout, /^\?[0-9a-f]{40}$/m, `${filter} left nothing out`);
			await speak(partial, 'checkout', '-q', 'main');
			assert.deepEqual(filesOf(partial), await pages(), filter);
			await speak(partial, 'log', '-q', '--stat', '--', 'Often.md'); // gets what it compares
			await sound(partial);
		}
		const mirror = dir + '-mirror';
		await speak(fleet.dir, 'clone', '-q', '--mirror', withToken(), mirror);
		await sound(mirror);
	});
}

test('clones of any kind go on while the server consolidates its packs', async () => {
	const clones = { whole: [], shallow: ['--depth=1'], partial: ['--filter=blob:none'] };
	for (const [name, how] of Object.entries(clones)) await git(fleet.dir, ['clone', '-q', ...how, withToken(), `${dir}-${name}`]);
	dir += '-iso';
	await isomorphic.clone(iso());
	const base = join(fleet.dir, `clone-${made}`);
	for (const round of [1, 2]) {
		// More saves than a wiki's small packs may pile up to.
		for (let i = 0; i < 36; i++) await write(`Round ${round}/Page ${i % 12}`, `${i} of round ${round}\n`);
		for (const name of Object.keys(clones)) {
			await git(`${base}-${name}`, ['pull', '-q', '--ff-only']);
			assert.deepEqual(filesOf(`${base}-${name}`), await pages(), `${name}, round ${round}`);
			await sound(`${base}-${name}`);
		}
		await isomorphic.pull(iso({ ref: 'main', fastForwardOnly: true, author: { name: 'E2E' } }));
		assert.deepEqual(filesOf(dir), await pages());
		await sound(dir);
		const fresh = `${base}-fresh-${round}`;
		await git(fleet.dir, ['clone', '-q', withToken(), fresh]);
		assert.deepEqual(filesOf(fresh), await pages());
		assert.equal((await git(fresh, ['rev-list', '--count', 'HEAD'])).stdout, String(await commits()));
		await sound(fresh);
	}
});

test('git is refused in its own words without a right', async () => {
	const refused = (iso, status, why) => assert.rejects(iso, (e) => e.data?.statusCode === status, why);
	await refused(isomorphic.clone(iso({ onAuth: undefined })), 401, 'nothing shown');
	for (const [why, secret] of Object.entries({ 'a wrong token': 'wbt_' + 'x'.repeat(43), 'the token of another wiki': foreign, 'no token': '' })) {
		const onAuth = () => ({ username: 'anybody', password: secret });
		await refused(isomorphic.clone(iso({ onAuth })), why === 'the token of another wiki' ? 404 : 401, why);
		await assert.rejects(git(fleet.dir, ['clone', '-q', withToken(secret), dir]), /Authentication failed|not found|could not read Password/i, why);
	}
	await assert.rejects(git(fleet.dir, ['clone', '-q', remote, dir]), /could not read Username/);
	await git(fleet.dir, ['clone', '-q', withToken(), dir]);
	await git(dir, ['-c', 'user.name=E2E', '-c', 'user.email=e2e@example.org', 'commit', '-q', '--allow-empty', '-m', 'x']);
	await assert.rejects(git(dir, ['push', '-q']), /edit its pages in the browser/);
});

test('a wiki that becomes public is cloned by anybody', async () => {
	await manage('PATCH', '/wikis/ada', { public: true });
	try {
		await git(fleet.dir, ['clone', '-q', remote, dir]);
		assert.deepEqual(filesOf(dir), await pages());
		dir += '-iso';
		await isomorphic.clone(iso({ onAuth: undefined }));
		assert.deepEqual(filesOf(dir), await pages());
	} finally {
		await manage('PATCH', '/wikis/ada', { public: false });
	}
});

test('switched off, git says so to those who may read, and the other doors stay open', async () => {
	await git(fleet.dir, ['clone', '-q', withToken(), dir]);
	const off = /git access .*\boff\b/i;
	await manage('PATCH', '/wikis/ada', { git: false });
	try {
		await assert.rejects(git(fleet.dir, ['clone', '-q', withToken(), dir + '-off']), off);
		await assert.rejects(git(dir, ['pull', '-q']), off);
		dir += '-iso';
		await assert.rejects(isomorphic.clone(iso()), (e) => off.test(e.data?.response), 'isomorphic-git is told too');
		await assert.rejects(isomorphic.clone(iso({ onAuth: undefined })), (e) => e.data?.statusCode === 401 && !off.test(e.data.response), 'strangers are not');
		await write('Often', 'written while git was off\n');
	} finally {
		await manage('PATCH', '/wikis/ada', { git: true });
	}
	await isomorphic.clone(iso());
	assert.deepEqual(filesOf(dir), await pages());
});

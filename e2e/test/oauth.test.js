// The TypeScript SDK's own OAuth client, given nothing but a wiki's URL, and a
// person who consents in a real browser.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { joinFleet, signIn, startFleet } from '../lib/fleet.js';
import { inspect, openBrowser, problemsOf } from '../lib/browser.js';

let fleet, browser, page, problems, agent;

before(async () => {
	fleet = await startFleet();
	browser = await openBrowser();
	page = await (await browser.newContext()).newPage();
	problems = problemsOf(page);
	await joinFleet(fleet, 'ada');
	await joinFleet(fleet, 'eve');
});
after(async () => {
	await agent?.close();
	await browser?.close();
	await fleet?.stop();
});

// An agent's memory and its listener for the browser that comes back: what a
// program must bring to use the SDK's client, and no more. It knows no endpoint,
// no identifier and no scope.
class Agent {
	#server = createServer((request, response) => {
		const url = new URL(request.url, this.redirectUrl);
		if (url.pathname === '/callback') this.#came?.(url.searchParams);
		response.writeHead(url.pathname === '/callback' ? 200 : 204, { 'content-type': 'text/html' });
		response.end('<!doctype html><html lang="en"><title>Connected</title><link rel="icon" href="data:,"><h1>Back at the agent</h1></html>');
	});
	#came;
	#kept = {};
	#states = 0;

	// Some programs name this machine by number, some by name.
	static async listen(name, host = '127.0.0.1') {
		const it = new Agent();
		await new Promise((ready) => it.#server.listen(0, host, ready));
		it.redirectUrl = `http://${host}:${it.#server.address().port}/callback`;
		it.clientMetadata = {
			client_name: name, redirect_uris: [it.redirectUrl], token_endpoint_auth_method: 'none',
			grant_types: ['authorization_code', 'refresh_token'], response_types: ['code']
		};
		return it;
	}
	close() { return new Promise((closed) => this.#server.close(closed)); }

	state() { return `state-${++this.#states}`; }
	clientInformation() { return this.#kept.client; }
	saveClientInformation(client) { this.#kept.client = client; }
	tokens() { return this.#kept.tokens; }
	saveTokens(tokens) { this.#kept.tokens = tokens; }
	codeVerifier() { return this.#kept.verifier; }
	saveCodeVerifier(verifier) { this.#kept.verifier = verifier; }
	redirectToAuthorization(url) { this.opened = url; }
	invalidateCredentials(what) {
		if (what === 'all') this.#kept = {};
		else delete this.#kept[what];
	}

	// answer resolves with what the browser comes back with.
	answer() { return new Promise((came) => (this.#came = came)); }
}

async function connect(agent, slug) {
	const transport = new StreamableHTTPClientTransport(new URL(fleet.wiki(slug, '/mcp')), { authProvider: agent });
	const client = new Client({ name: 'e2e-agent', version: '1.0.0' });
	try {
		await client.connect(transport);
	} catch (error) {
		error.transport = transport;
		throw error;
	}
	return client;
}

// asked connects an agent that must ask its person first, and returns the
// transport that waits for the code.
async function asked(agent, slug) {
	const error = await connect(agent, slug).then(() => assert.fail('it was let in'), (e) => e);
	assert.ok(error instanceof UnauthorizedError, String(error));
	return error.transport;
}

// consents is the person: they go where the agent sends them, and say yes.
async function consents(agent, { rights = 'write', clicks = 1 } = {}) {
	await page.goto(agent.opened.href);
	if (rights === 'read') await page.getByRole('radio', { name: /^Read\s+Open/ }).check();
	agent.ticket = await page.locator('input[name=ticket]').inputValue();
	const answer = agent.answer();
	await page.getByRole('button', { name: 'Connect' }).click({ clickCount: clicks });
	const params = await answer;
	await page.getByText('Back at the agent').waitFor();
	assert.equal(params.get('iss'), fleet.url);
	assert.match(params.get('state'), /^state-\d+$/);
	return params.get('code');
}

const text = (result) => result.content.map((c) => c.text).join('\n');
const write = (client, path) => client.callTool({ name: 'write_note', arguments: { path, content: 'Written by an agent.\n' } });
const read = (client, path) => client.callTool({ name: 'read_note', arguments: { path } });

test('an agent is given a URL, asks, and writes', async () => {
	agent = await Agent.listen('Gardener');
	const waiting = await asked(agent, 'ada');
	assert.equal(agent.opened.origin, fleet.url);
	assert.equal(agent.opened.searchParams.get('resource'), fleet.wiki('ada', '/mcp'));
	assert.equal(agent.opened.searchParams.get('scope'), 'wiki:read wiki:write');

	// The person is not signed in yet; the whole request outlives the sign-in.
	await page.goto(agent.opened.href);
	await page.waitForURL(/\/auth\/login/);
	await page.getByLabel('E-mail').fill('ada@example.org');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.waitForURL(/\/oauth\/authorize/);
	const shown = await page.locator('main').innerText();
	for (const said of ['Gardener', 'ada.', 'Nobody has checked', 'this computer', 'ada@example.org']) {
		assert.ok(shown.includes(said), `the question does not mention ${said}:\n${shown}`);
	}
	await inspect(page, 'consent');

	await waiting.finishAuth(await consents(agent));
	assert.equal(agent.tokens().scope, 'wiki:read wiki:write');
	const client = await connect(agent, 'ada');
	const { tools } = await client.listTools();
	assert.ok(tools.some((t) => t.name === 'write_note'));
	const written = await write(client, 'By an agent');
	assert.ok(!written.isError, text(written));
	assert.match(text(await client.callTool({ name: 'get_history', arguments: { path: 'By an agent' } })), /ada via e2e-agent/);
	await client.close();
});

test('the same answer again, when the agent has what it came for, leads to a friendly page', async () => {
	await page.goto(agent.opened.href);
	await page.locator('input[name=ticket]').evaluate((input, ticket) => (input.value = ticket), agent.ticket);
	await page.getByRole('button', { name: 'Connect' }).click();
	await page.getByRole('heading', { name: /already/ }).waitFor();
	await inspect(page, 'answered already');
	const client = await connect(agent, 'ada');
	assert.ok(!(await read(client, 'Home')).isError, 'the agent lost what it had');
	await client.close();
});

test('an agent comes back with its refresh token, without the person', async () => {
	const before = agent.tokens();
	delete agent.opened;
	agent.saveTokens({ ...before, access_token: 'run.out.' + 'x'.repeat(40) });
	const client = await connect(agent, 'ada');
	assert.ok(!(await read(client, 'By an agent')).isError);
	assert.equal(agent.opened, undefined, 'the person was asked again');
	assert.notEqual(agent.tokens().refresh_token, before.refresh_token, 'the refresh token does not rotate');
	await client.close();
});

test('what was granted for one wiki opens no other', async () => {
	const bearer = agent.tokens().access_token;
	const ask = (slug) => fetch(fleet.wiki(slug, '/mcp'), {
		method: 'POST',
		headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
	});
	assert.equal((await ask('ada')).status, 200);
	const refused = await ask('eve');
	assert.equal(refused.status, 401);
	assert.match(refused.headers.get('www-authenticate'), /error="invalid_token"/);
});

test('nobody can give what is not theirs', async () => {
	const other = await Agent.listen('Snooper');
	await asked(other, 'eve');
	await page.goto(other.opened.href); // as ada
	await page.getByRole('heading', { level: 1 }).waitFor();
	assert.equal(await page.getByRole('button', { name: 'Connect' }).count(), 0);
	await inspect(page, 'a wiki of somebody else');
	await other.close();
});

test('the person says no', async () => {
	const other = await Agent.listen('Pusher');
	await asked(other, 'ada');
	await page.goto(other.opened.href);
	const answer = other.answer();
	await page.getByRole('button', { name: 'Cancel' }).click();
	const params = await answer;
	assert.equal(params.get('error'), 'access_denied');
	assert.equal(params.get('code'), null);
	await page.getByText('Back at the agent').waitFor();
	await other.close();
});

test('rights that the person lowered: the agent hears which scope it lacks', async () => {
	const reader = await Agent.listen('Reader', 'localhost');
	const waiting = await asked(reader, 'ada');
	await waiting.finishAuth(await consents(reader, { rights: 'read' }));
	assert.equal(reader.tokens().scope, 'wiki:read');
	const client = await connect(reader, 'ada');
	assert.ok(!(await read(client, 'By an agent')).isError);
	const raw = await fetch(fleet.wiki('ada', '/mcp'), {
		method: 'POST',
		headers: { authorization: `Bearer ${reader.tokens().access_token}`, 'content-type': 'application/json' },
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'delete_note', arguments: { path: 'By an agent' } } })
	});
	assert.equal(raw.status, 403);
	assert.match(raw.headers.get('www-authenticate'), /error="insufficient_scope".*scope="wiki:read wiki:write"/);
	// The SDK tries to widen what it has, without a loop.
	await assert.rejects(write(client, 'By a reader'), (error) => error.code === 403 || error instanceof UnauthorizedError);
	assert.ok(!(await read(client, 'By an agent')).isError, 'it lost what it had');
	await client.close();
	await reader.close();
});

test('a public wiki: reading needs nobody, the first write asks', async () => {
	const api = await signIn(fleet, 'ada');
	await api('PATCH', '/wikis/ada', { public: true });
	const visitor = await Agent.listen('Visitor');
	const client = await connect(visitor, 'ada');
	assert.ok(!(await read(client, 'Home')).isError);
	assert.equal(visitor.opened, undefined, 'the person was asked for what everybody may do');
	await assert.rejects(write(client, 'By a visitor'), UnauthorizedError);
	await client.transport.finishAuth(await consents(visitor, { clicks: 2 }));
	const written = await write(client, 'By a visitor');
	assert.ok(!written.isError, text(written));
	await client.close();
	await visitor.close();
	await api('PATCH', '/wikis/ada', { public: false });
});

test('the person disconnects an agent: it is cut off at once', async () => {
	const client = await connect(agent, 'ada');
	assert.ok(!(await read(client, 'Home')).isError);
	await page.goto(fleet.url + '/app/account');
	await page.getByText('Gardener').first().waitFor();
	await page.getByRole('button', { name: /disconnect gardener/i }).click();
	await page.getByRole('button', { name: /disconnect gardener/i }).waitFor({ state: 'detached' });

	delete agent.opened;
	await assert.rejects(read(client, 'Home'), UnauthorizedError);
	assert.ok(agent.opened, 'the agent is not led to ask again');
	await client.close();
});

test('a click that was meant for another page, which has just vanished, says nothing', async () => {
	const waiting = await Agent.listen('Lurker');
	await asked(waiting, 'ada');
	await page.goto(waiting.opened.href);
	const yes = page.getByRole('button', { name: 'Connect' });
	await yes.click({ trial: true }); // it can be pressed by now
	const pressed = await yes.evaluate((button) => {
		window.dispatchEvent(new Event('focus')); // what lay above is gone
		button.click();
		return !button.disabled;
	});
	assert.equal(pressed, false);
	const answer = waiting.answer();
	await yes.click();
	assert.ok((await answer).get('code'));
	await page.getByText('Back at the agent').waitFor();
	await waiting.close();
});

test('nothing broke a policy, threw or was missing on the way', () => {
	// Asked for on purpose: a wiki of somebody else.
	const expected = [/ 40[34] .*\/oauth\/authorize/];
	assert.deepEqual(problems.filter((p) => !expected.some((e) => e.test(p))), []);
});

// An agent that is connected as any MCP client is: it registers, sends its person
// to consent in the browser, and gets its tokens.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

// connectAgent connects one to a wiki in a page of its person, who says yes, and
// returns its access token. rights: "read" or "write"; look is called while the
// question is shown.
export async function connectAgent(fleet, page, slug, name, rights = 'write', look = async () => {}) {
	const post = async (path, body) => {
		const json = path.endsWith('register');
		const answer = await fetch(fleet.url + path, {
			method: 'POST',
			headers: json ? { 'content-type': 'application/json' } : {},
			body: json ? JSON.stringify(body) : new URLSearchParams(body)
		});
		assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
		return answer.json();
	};
	const listener = createServer((_, answer) => answer.end('Connected.')).listen(0, '127.0.0.1');
	await once(listener, 'listening');
	const callback = `http://127.0.0.1:${listener.address().port}/callback`;
	const { client_id } = await post('/oauth/register', {
		client_name: name, redirect_uris: [callback], token_endpoint_auth_method: 'none'
	});
	const verifier = randomBytes(32).toString('base64url');
	const resource = fleet.wiki(slug, '/mcp');
	const ask = new URLSearchParams({
		response_type: 'code', client_id, redirect_uri: callback, state: 'x', resource,
		code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256'
	});
	await page.goto(`${fleet.url}/oauth/authorize?${ask}`);
	await page.getByRole('heading', { level: 1, name: /^Connect/ }).waitFor();
	await look(`consent for ${name}`);
	await page.getByRole('radio', { name: rights === 'read' ? /^Read\b(?! and)/ : /^Read and write/ }).check();
	await page.getByRole('button', { name: 'Connect' }).click();
	await page.waitForURL((url) => url.href.startsWith(callback));
	listener.close();
	listener.closeAllConnections();
	const code = new URL(page.url()).searchParams.get('code');
	const tokens = await post('/oauth/token', {
		grant_type: 'authorization_code', code, client_id, redirect_uri: callback, code_verifier: verifier, resource
	});
	return tokens.access_token;
}

// callAgent lets it call the wiki once, and returns the status.
export async function callAgent(fleet, slug, token) {
	const answer = await fetch(fleet.wiki(slug, '/mcp'), {
		method: 'POST',
		headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
		body: JSON.stringify({
			jsonrpc: '2.0', id: 1, method: 'initialize',
			params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'agent', version: '1' } }
		})
	});
	await answer.text();
	return answer.status;
}

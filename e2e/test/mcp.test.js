// The TypeScript SDK, which shares no code with the server, as an agent.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { joinFleet, startFleet } from '../lib/fleet.js';

let fleet, token, foreign;

before(async () => {
	fleet = await startFleet();
	token = await joinFleet(fleet, 'ada');
	foreign = await joinFleet(fleet, 'eve');
});
after(() => fleet?.stop());

async function connect(bearer) {
	// Node's resolver need not know that every .localhost name is this machine.
	const target = new URL(fleet.wiki('ada', '/mcp'));
	const transport = new StreamableHTTPClientTransport(target, {
		requestInit: { headers: bearer ? { authorization: `Bearer ${bearer}` } : {} }
	});
	const client = new Client({ name: 'e2e-agent', version: '1.0.0' });
	await client.connect(transport);
	return client;
}

const text = (result) => result.content.map((c) => c.text).join('\n');

test('an agent reads, writes, edits, renames and finds', async () => {
	const client = await connect(token);
	const { tools } = await client.listTools();
	assert.deepEqual(tools.map((t) => t.name).sort(), [
		'delete_note', 'edit_note', 'get_history', 'get_links', 'get_recent_changes',
		'list_notes', 'read_note', 'rename_note', 'search_notes', 'write_note'
	]);
	for (const tool of tools) {
		assert.ok(tool.title ?? tool.annotations?.title, `${tool.name} has no title`);
		assert.equal(typeof tool.annotations?.readOnlyHint, 'boolean', `${tool.name} does not say whether it only reads`);
	}
	const call = (name, args) => client.callTool({ name, arguments: args });

	const home = await call('read_note', { path: 'Home' });
	assert.match(text(home), /Meta\/Wiki Usage Guide/);
	const written = await call('write_note', { path: 'Plans/First', content: 'We will [[Home|start]] here.\n' });
	assert.ok(!written.isError, text(written));
	const read = await call('read_note', { path: 'plans/first' });
	const revision = read.structuredContent.revision;
	assert.match(revision, /^[0-9a-f]{40}$/);
	const edited = await call('edit_note', { path: 'Plans/First', revision, old_string: 'here', new_string: 'there' });
	assert.ok(!edited.isError, text(edited));
	const renamed = await call('rename_note', { path: 'Plans/First', new_path: 'Plans/Second' });
	assert.ok(!renamed.isError, text(renamed));
	assert.match(text(await call('search_notes', { query: 'there' })), /Plans\/Second/);
	assert.match(text(await call('get_history', { path: 'Plans/Second' })), /3 revisions/);
	assert.match(text(await call('get_recent_changes', {})), /Plans\/Second/);
	const missing = await call('read_note', { path: 'Nowhere' });
	assert.equal(missing.isError, true);
	const deleted = await call('delete_note', { path: 'Plans/Second' });
	assert.ok(!deleted.isError, text(deleted));
	await client.close();
});

test('a token of another wiki opens nothing', async () => {
	await assert.rejects(connect(foreign));
	await assert.rejects(connect('wbt_' + 'x'.repeat(43)));
	await assert.rejects(connect(''));
});

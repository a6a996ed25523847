// A person in a browser: from sign-in to a wiki that an agent can write to.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { startFleet } from '../lib/fleet.js';
import { inspect, openBrowser, problemsOf } from '../lib/browser.js';

let fleet, browser, page, problems;

before(async () => {
	fleet = await startFleet();
	browser = await openBrowser();
	page = await (await browser.newContext()).newPage();
	problems = problemsOf(page);
});
after(async () => {
	await browser?.close();
	await fleet?.stop();
});

// What is to be pasted works as it is: a token that is shown once cannot be
// corrected.
async function eachRecipeIsTrue() {
	const address = fleet.wiki('ada', '/mcp');
	const token = (await page.locator('main').innerText()).match(/wbt_[\w-]+/)[0];
	const pasted = async (client) => {
		await page.getByRole('radio', { name: client, exact: true }).check();
		return (await page.locator('main pre').allInnerTexts()).map((text) => text.trim());
	};
	const line = (await pasted('Claude Code')).find((text) => text.startsWith('claude mcp add') && text.includes('--header'));
	const [, url, name, value] = line.match(/^claude mcp add --transport http ada (\S+) --header "(\w+): ([^"]+)"$/);
	const client = new Client({ name: 'claude-code', version: '2.1' });
	await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { [name]: value } } }));
	assert.ok((await client.listTools()).tools.length > 0);
	await client.close();
	for (const [client, key] of [['Cursor', 'mcpServers'], ['VS Code', 'servers']]) {
		const [bySigningIn, byToken] = (await pasted(client)).filter((text) => text.startsWith('{')).map((text) => JSON.parse(text)[key].ada);
		assert.equal(bySigningIn.url, address, client);
		assert.equal(bySigningIn.headers, undefined, client);
		assert.equal(byToken.url, address, client);
		assert.equal(byToken.headers.Authorization, `Bearer ${token}`, client);
	}
	for (const client of ['Claude.ai', 'Other']) assert.ok((await pasted(client)).includes(address), client);
	for (const client of ['Codex', 'Gemini CLI']) {
		const texts = await pasted(client);
		assert.ok(texts.some((text) => /mcp add/.test(text) && text.includes(address) && !text.includes(token)), client);
		assert.ok(texts.some((text) => text.includes(address) && text.includes(`Bearer ${token}`)), client);
	}
	const curl = (await pasted('Other')).find((text) => text.startsWith('curl'));
	const [, pages] = curl.match(/^curl (\S+) -H "Authorization: Bearer wbt_[\w-]+"$/);
	assert.equal((await fetch(pages, { headers: { authorization: `Bearer ${token}` } })).status, 200);
}

test('sign in, create a wiki, get the token once', async () => {
	await page.goto(fleet.url + '/app/');
	await page.waitForURL(/\/auth\/login/);
	await inspect(page, 'sign-in');
	await page.getByLabel('E-mail').fill('ada@example.org');
	await page.getByLabel('Username').fill('ada');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.waitForURL(/\/app\//);
	await page.waitForLoadState('networkidle');
	if (!page.url().endsWith('/app/new')) {
		await page.getByRole('link', { name: /create/i }).first().click();
	}
	await inspect(page, 'create wiki');
	await page.getByLabel('Name').fill('Notes of Ada');
	await page.getByRole('button', { name: 'Create wiki' }).click();
	await page.waitForURL(/\/app\/ada\/connect/);
	await page.getByText('Save this now').waitFor();
	await page.getByRole('radio', { name: 'Claude Code' }).check();
	await page.getByText('claude mcp add').first().waitFor(); // the recipes come when they are loaded
	const recipes = await page.locator('main').innerText();
	assert.match(recipes, /claude mcp add --transport http ada \S+\/mcp\n/, 'whoever can sign in needs the address alone');
	assert.match(recipes, /claude mcp add --transport http ada \S+\/mcp --header "Authorization: Bearer wbt_/);
	assert.match(recipes, new RegExp(`wikibot login ${fleet.url}`));
	await inspect(page, 'connect');
	await eachRecipeIsTrue();
	await page.reload();
	await page.getByRole('heading', { level: 1 }).waitFor();
	assert.doesNotMatch(await page.locator('main').innerText(), /wbt_[A-Za-z0-9_-]{20}/, 'the token is shown twice');
	await page.goto(fleet.url + '/app/');
	await page.getByRole('heading', { name: 'Notes of Ada' }).waitFor();
	await inspect(page, 'dashboard');
});

test('write, read, rename and find a page', async () => {
	await page.goto(fleet.wiki('ada', '/-/edit/Ideas/First'));
	await inspect(page, 'editor');
	await page.locator('textarea').first().fill('# First\n\nSee [[Home]] and [[Nowhere]].\n');
	await page.getByRole('button', { name: 'Save' }).click();
	await page.waitForURL(fleet.wiki('ada', '/Ideas/First'));
	assert.equal(await page.locator('a.missing').count(), 1);
	await inspect(page, 'page view');
	for (const path of ['/-/history/Ideas/First', '/-/changelog', '/-/index', '/-/search?q=home', '/-/rename/Ideas/First', '/-/delete/Ideas/First', '/No such page', '/']) {
		await page.goto(fleet.wiki('ada', path));
		await inspect(page, path);
	}
});

test('git access is turned off and on, by keyboard alone', async () => {
	const turn = async (name) => {
		await page.goto(fleet.url + '/app/ada');
		const git = page.getByRole('switch', { name: 'Git access', exact: true });
		await git.focus();
		await page.keyboard.press('Space');
		await page.keyboard.press('Tab');
		await page.keyboard.press('Enter');
		await page.getByText('Saved', { exact: true }).waitFor();
		await inspect(page, `settings, git ${name}`);
		return git.isChecked();
	};
	const shown = async (url) => {
		await page.goto(url);
		await page.getByRole('heading', { name: /With git|Changes/ }).waitFor();
		await page.locator('details').evaluateAll((all) => all.forEach((d) => (d.open = true)));
		await inspect(page, url);
		return (await page.locator('main').innerText()).includes(`git clone ${fleet.wiki('ada', '/repo.git')} ada`);
	};
	const screens = [fleet.url + '/app/ada/connect', fleet.wiki('ada', '/-/changelog')];
	assert.equal(await turn('off'), false);
	for (const url of screens) assert.equal(await shown(url), false, `${url} tells how to clone what cannot be cloned`);
	await page.goto(screens[0]);
	await page.getByText('Git access is off').getByRole('link', { name: 'settings' }).click();
	await page.waitForURL(fleet.url + '/app/ada');
	assert.equal(await turn('on'), true);
	for (const url of screens) assert.equal(await shown(url), true, `${url} does not tell how to clone`);
});

test('two people edit the same line: nothing is lost', async () => {
	const edit = async () => {
		const p = await page.context().newPage();
		await p.goto(fleet.wiki('ada', '/-/edit/Ideas/First'));
		return p;
	};
	const [one, two] = [await edit(), await edit()];
	const save = async (p, text) => {
		await p.locator('textarea').first().fill(text);
		await p.getByRole('button', { name: 'Save' }).click();
		await p.waitForLoadState();
	};
	await save(one, '# First\n\nOne was here.\n');
	await save(two, '# First\n\nTwo was here.\n');
	const shown = await two.locator('body').innerText();
	const kept = await two.locator('textarea').evaluateAll((all) => all.map((t) => t.value).join('\n'));
	assert.match(shown + kept, /Two was here/);
	assert.match(shown + kept, /One was here/);
	await inspect(two, 'conflict');
	await one.close();
	await two.close();
});

test('everything works without script', async () => {
	const context = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
	const plain = await context.newPage();
	await plain.goto(fleet.wiki('ada', '/-/edit/Without script'));
	await plain.locator('textarea').first().fill('Saved without script.\n');
	await plain.getByRole('button', { name: 'Save' }).click();
	await plain.waitForURL(fleet.wiki('ada', '/Without%20script'));
	assert.match(await plain.locator('main').innerText(), /Saved without script/);
	await context.close();
});

test('nothing broke a policy, threw or was missing on the way', () => {
	// Asked for on purpose: who is signed in before anybody is, and a missing page.
	const expected = [/ 401 .*\/app\/\)$/, / 404 .*No%20such%20page\)$/];
	assert.deepEqual(problems.filter((p) => !expected.some((e) => e.test(p))), []);
});

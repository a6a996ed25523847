// An operator adopts a repository that was written elsewhere. It needs the
// command line of the one-process binary.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { docsRepository, startFleet } from '../lib/fleet.js';
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

test('a wiki made of a real repository reads well', async () => {
	fleet.admin('create-user', '--email', 'docs@example.org', '--username', 'handbook', '--tier', 'premium');
	fleet.admin('create-wiki', '--owner', 'docs@example.org', '--slug', 'handbook', '--name', 'Documentation', '--public', '--from', docsRepository(fleet.dir));
	for (const path of ['/', '/docs/architecture', '/-/index', '/-/changelog']) {
		await page.goto(fleet.wiki('handbook', path));
		await inspect(page, 'docs ' + path);
	}
	await page.goto(fleet.wiki('handbook', '/'));
	const drawn = await page.locator('article img').evaluateAll((all) => all.map((i) => i.naturalWidth));
	assert.ok(drawn.length > 0 && drawn.every((width) => width > 0), `pictures of the repository: ${drawn}`);
	assert.deepEqual(problems, []);
});

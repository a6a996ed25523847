// The account screen, in a browser: who one is, where one is signed in, which
// agents one has connected, what one can take along, and how one leaves.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { callAgent, connectAgent } from '../lib/agent.js';
import { inspect, openBrowser, problemsOf } from '../lib/browser.js';
import { startFleet } from '../lib/fleet.js';

let fleet, browser, page, problems;

// device signs ada in with a browser of its own.
async function device() {
	const page = await (await browser.newContext()).newPage();
	await page.goto(fleet.url + '/auth/login?return_to=/app/account');
	await page.getByLabel('E-mail').fill('ada@example.org');
	await page.getByLabel('Username').fill('ada');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByText('this device').waitFor();
	return page;
}

const account = async () => {
	await page.goto(fleet.url + '/app/account');
	await page.getByText('this device').waitFor();
};

before(async () => {
	fleet = await startFleet();
	browser = await openBrowser();
	page = await device();
	problems = problemsOf(page);
	await page.goto(fleet.url + '/app/new');
	await page.getByLabel('Name').fill('Notes of Ada');
	await page.getByRole('button', { name: 'Create wiki' }).click();
	await page.getByText('Save this now').waitFor();
});
after(async () => {
	await browser?.close();
	await fleet?.stop();
});

test('the display name is changed, by keyboard alone', async () => {
	await account();
	await inspect(page, 'account');
	const name = page.getByLabel('Display name');
	assert.equal(await name.inputValue(), 'ada');
	await name.fill(' ');
	await page.keyboard.press('Enter');
	await page.getByText('Type a name.').waitFor();
	await name.fill('Ada Lovelace');
	await page.keyboard.press('Tab');
	await page.keyboard.press('Enter');
	await page.getByText('Saved', { exact: true }).waitFor();
	await page.reload();
	await page.getByText('this device').waitFor();
	assert.equal(await name.inputValue(), 'Ada Lovelace');
	assert.match(await page.locator('main').innerText(), /Development sign-in/);
});

test('other devices are signed out from here, one or all', async () => {
	const [one, two, three] = [await device(), await device(), await device()];
	await account();
	const others = page.getByRole('button', { name: /^Sign out (?!here|of all)/ });
	await others.first().waitFor();
	assert.equal(await others.count(), 3);
	await inspect(page, 'account, four devices');
	await others.first().focus();
	await page.keyboard.press('Enter');
	await page.getByText(/is signed out\.$/).waitFor();
	assert.equal(await others.count(), 2);
	assert.equal(await page.evaluate(() => document.activeElement.id), 'devices', 'the focus is lost with the button');
	await page.getByRole('button', { name: 'Sign out of all other devices' }).click();
	await page.getByText('All other devices are signed out.').waitFor();
	assert.equal(await others.count(), 0);
	for (const other of [one, two, three]) {
		await other.goto(fleet.url + '/app/account');
		await other.waitForURL(/\/auth\/login/);
		await other.context().close();
	}
	// What was signed for this one was void too, and is renewed without a word.
	await account();
});

test('agents that were connected are listed, and cut off', async () => {
	const writer = await connectAgent(fleet, page, 'ada', 'Notetaker');
	const reader = await connectAgent(fleet, page, 'ada', 'Reader', 'read');
	assert.equal(await callAgent(fleet, 'ada', writer), 200);
	await account();
	await page.getByText('Notetaker').waitFor();
	const shown = await page.getByRole('region', { name: 'Connected agents' }).innerText();
	assert.match(shown, /may read and write in Notes of Ada/);
	assert.match(shown, /may only read in Notes of Ada/);
	assert.match(shown, /unverified/);
	assert.match(shown, /last used just now/);
	assert.match(shown, /never used/);
	await inspect(page, 'account, with agents');
	await page.goto(fleet.url + '/app/ada/connect');
	await page.getByText(/called/).first().waitFor(); // the connect screen has seen it arrive
	await inspect(page, 'connect, with agents');
	await account();
	await page.getByRole('button', { name: 'Disconnect Notetaker from ada' }).click();
	await page.getByText('Notetaker is disconnected.').waitFor();
	assert.equal(await callAgent(fleet, 'ada', writer), 401);
	assert.equal(await callAgent(fleet, 'ada', reader), 200);
});

test('everything is taken along, the account and the wiki', async () => {
	await account();
	const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export' }).click()]);
	assert.equal(file.suggestedFilename(), 'wikibot-export-ada.json');
	const text = readFileSync(await file.path(), 'utf8');
	const data = JSON.parse(text);
	assert.equal(data.profile.display_name, 'Ada Lovelace');
	assert.equal(data.wikis[0].zip_url, fleet.wiki('ada', '/-/export.zip'));
	assert.equal(data.agents[0].name, 'Reader');
	assert.doesNotMatch(text, /hash|secret|seed/i);
	await page.goto(fleet.url + '/app/ada');
	await page.getByRole('link', { name: 'Export as zip' }).waitFor();
	await inspect(page, 'settings');
	const [zip] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export as zip' }).click()]);
	assert.match(zip.suggestedFilename(), /^ada-[0-9a-f]{12}\.zip$/);
	assert.equal(readFileSync(await zip.path()).subarray(0, 4).toString('latin1'), 'PK\x03\x04');
});

// What signs a tab in runs out after a day; the session behind it does not.
const letADayPass = async () => {
	for (const name of ['__Host-wikibot', 'wikibot']) await page.context().clearCookies({ name });
};

test('two tabs that were left for a day go on, and lose nothing that was typed', async () => {
	await account();
	const second = await page.context().newPage();
	await second.goto(fleet.url + '/app/ada');
	await second.getByLabel('Name').fill('Notes, again');
	await page.getByLabel('Display name').fill('Ada');
	await letADayPass();
	await Promise.all([page, second].map(async (tab) => {
		await tab.getByRole('button', { name: 'Save' }).click();
		await tab.getByText('Saved', { exact: true }).waitFor();
	}));
	assert.equal(await second.getByLabel('Name').inputValue(), 'Notes, again');
	await second.close();
});

test('a page that was written for a day is saved', async () => {
	await page.goto(fleet.wiki('ada', '/-/edit/Long letter'));
	await page.getByLabel('Text').fill('It took me all day.\n');
	await letADayPass();
	await page.getByRole('button', { name: 'Save' }).click();
	await page.getByText('You are signed out, so nothing was saved.').waitFor();
	assert.equal(await page.getByLabel('Text').inputValue(), 'It took me all day.\n', 'what was typed is lost');
	const [signIn] = await Promise.all([page.context().waitForEvent('page'), page.getByRole('link', { name: /^Sign in/ }).click()]);
	await signIn.waitForURL((url) => !url.pathname.startsWith('/auth/')); // silently: nobody types anything
	await signIn.close();
	await page.getByRole('button', { name: 'Save' }).click();
	await page.waitForURL(fleet.wiki('ada', '/Long%20letter'));
	await page.getByText('It took me all day.').waitFor();
});

test('without a network nothing that was typed is lost', async () => {
	await account();
	const name = page.getByLabel('Display name');
	await name.fill('Ada of the train');
	await page.context().setOffline(true);
	await page.getByRole('button', { name: 'Save' }).click();
	await page.getByText('The server cannot be reached.').first().waitFor();
	assert.equal(await name.inputValue(), 'Ada of the train');
	await inspect(page, 'account, offline');
	await page.context().setOffline(false);
	await page.getByRole('button', { name: 'Try again' }).click();
	await page.getByText('The server cannot be reached.').first().waitFor({ state: 'detached' });
	assert.equal(await name.inputValue(), 'Ada of the train');
	await page.getByRole('button', { name: 'Save' }).click();
	await page.getByText('Saved', { exact: true }).waitFor();
});

test('names of any length and direction stay in their places', async () => {
	const long = 'Withoutanyspace'.repeat(7).slice(0, 100);
	for (const name of [long, '🤖 סוכן 🤖', '\u202Eevil']) await connectAgent(fleet, page, 'ada', name, 'read', (what) => inspect(page, what));
	await account();
	const shown = await page.getByRole('region', { name: 'Connected agents' }).innerText();
	for (const said of [long.slice(0, 50), '🤖 סוכן 🤖']) assert.ok(shown.includes(said), `${said} is not in:\n${shown}`);
	assert.doesNotMatch(shown, /\u202E/, 'a name can turn the text around it');
	await inspect(page, 'account, with names of any length');
});

test('an account is deleted with its name typed, and had back', async () => {
	await account();
	const remove = page.getByRole('button', { name: 'Delete my account' });
	await page.getByLabel('Type ada to confirm').fill('grace');
	await remove.click();
	await page.getByText('Type ada to confirm.', { exact: true }).waitFor();
	await inspect(page, 'account, wrong confirmation');
	await page.getByLabel('Type ada to confirm').fill('ada');
	await remove.click();
	await page.getByRole('heading', { name: 'Your account is deleted' }).waitFor();
	await inspect(page, 'account deleted');
	const cookies = (await page.context().cookies()).map(({ name }) => name);
	assert.deepEqual(cookies.filter((name) => /wikibot|logged_in/.test(name)), []);
	await page.getByRole('link', { name: 'Sign in to have it back' }).click();
	await page.getByLabel('E-mail').fill('ada@example.org');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.waitForURL(/\/auth\/welcome-back/);
	await page.getByRole('button').first().click();
	await page.waitForURL(/\/app\//);
	await page.getByRole('heading', { name: 'Notes, again' }).waitFor();
});

test('nothing broke a policy or threw on the way', () => {
	// Refused on purpose: what was signed is void after a sign-out elsewhere, or has
	// run out. Or there was no network. And the agent's own page has no icon.
	const expected = [/ 401 /, /ERR_INTERNET_DISCONNECTED/, /\(http:\/\/127\.0\.0\.1:/];
	assert.deepEqual(problems.filter((p) => !expected.some((e) => e.test(p))), []);
});
